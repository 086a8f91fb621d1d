import { KinesisRequest } from './kinesis-request.ts'

// Puts records of 200 bytes for so many seconds: each connection waits for its answer.
const url = process.argv[2] ?? ''
const connections = Number(process.argv[3])
const seconds = Number(process.argv[4])
/** 0: PutRecord. */
const recordsPerPut = Number(process.argv[5])

const StreamName = 'bench'
const latencies: number[] = []

function record(index: number): { Data: string; PartitionKey: string } {
  const Data = Buffer.alloc(200, `telemetry ${index} `).toString('base64')
  return { Data, PartitionKey: `device-${index}` }
}

async function run(connection: number): Promise<number> {
  const client = new KinesisRequest(url)
  const Records = Array.from({ length: recordsPerPut }, (_, i) => record(i))
  const input = recordsPerPut > 0 ? { StreamName, Records } : { StreamName, ...record(connection) }
  const body = Buffer.from(JSON.stringify(input))
  const end = performance.now() + seconds * 1000
  let puts = 0
  while (performance.now() < end) {
    const begin = performance.now()
    const answer = await client.send(recordsPerPut > 0 ? 'PutRecords' : 'PutRecord', body)
    if (puts === 0 && recordsPerPut > 0) requireAll(answer)
    latencies.push(performance.now() - begin)
    puts += 1
  }
  await client.close()
  return puts * Math.max(1, recordsPerPut)
}

function requireAll(answer: Buffer): void {
  const { FailedRecordCount } = JSON.parse(answer.toString()) as { FailedRecordCount: number }
  if (FailedRecordCount > 0) throw new Error(`${FailedRecordCount} records were refused`)
}

const begin = performance.now()
const sent = await Promise.all(Array.from({ length: connections }, (_, i) => run(i)))
const took = (performance.now() - begin) / 1000
latencies.sort((a, b) => a - b)
const perSecond = sent.reduce((sum, count) => sum + count, 0) / took
const p99Ms = latencies[Math.floor(latencies.length * 0.99)] ?? 0
process.stdout.write(`${JSON.stringify({ perSecond, p99Ms })}\n`)
