import { KinesisConnection } from './kinesis-connection.ts'
import { KinesisRequest } from './kinesis-request.ts'

// Puts records of 200 bytes for so many seconds: each connection waits for its answer. The second
// before them does not count: then the compilers of the server are at work.
const url = process.argv[2] ?? ''
const connections = Number(process.argv[3])
const seconds = Number(process.argv[4])
/** 0: PutRecord. */
const recordsPerPut = Number(process.argv[5])

const StreamName = 'bench'
const operation = recordsPerPut > 0 ? 'PutRecords' : 'PutRecord'
const startMs = performance.now() + 1000
const endMs = startMs + seconds * 1000
const latencies: number[] = []

function record(index: number): { Data: string; PartitionKey: string } {
  const Data = Buffer.alloc(200, `telemetry ${index} `).toString('base64')
  return { Data, PartitionKey: `device-${index}` }
}

async function run(place: number): Promise<number> {
  const Records = Array.from({ length: recordsPerPut }, (_, i) => record(i))
  const input = recordsPerPut > 0 ? { StreamName, Records } : { StreamName, ...record(place) }
  const body = Buffer.from(JSON.stringify(input))
  await requireAll(body)
  const connection = await KinesisConnection.open(url, operation, body)
  await until(startMs)
  let puts = 0
  await until(endMs, (tookMs) => {
    latencies.push(tookMs)
    puts += 1
  })
  connection.close()
  return puts * Math.max(1, recordsPerPut)

  async function until(timeMs: number, note?: (tookMs: number) => void): Promise<void> {
    while (performance.now() < timeMs) {
      const begin = performance.now()
      await connection.send()
      note?.(performance.now() - begin)
    }
  }
}

/** Rejects unless all records of a call are taken. */
async function requireAll(body: Buffer): Promise<void> {
  const client = new KinesisRequest(url)
  const answer = await client.send(operation, body)
  await client.close()
  const { FailedRecordCount = 0 } = JSON.parse(answer.toString()) as { FailedRecordCount?: number }
  if (FailedRecordCount > 0) throw new Error(`${FailedRecordCount} records were refused`)
}

const sent = await Promise.all(Array.from({ length: connections }, (_, i) => run(i)))
const took = (performance.now() - startMs) / 1000
latencies.sort((a, b) => a - b)
const perSecond = sent.reduce((sum, count) => sum + count, 0) / took
const p99Ms = latencies[Math.floor(latencies.length * 0.99)] ?? 0
process.stdout.write(`${JSON.stringify({ perSecond, p99Ms })}\n`)
