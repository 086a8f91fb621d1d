import { setTimeout as delay } from 'node:timers/promises'
import { KinesisClient, PutRecordCommand, SubscribeToShardCommand } from '@aws-sdk/client-kinesis'

// From the call of PutRecord to the event of SubscribeToShard that brings the record, 50 a second.
const endpoint = process.argv[2] ?? ''
const ConsumerARN = process.argv[3] ?? ''
const count = Number(process.argv[4])

const credentials = { accessKeyId: 'bench', secretAccessKey: 'bench' }
const client = new KinesisClient({ endpoint, region: 'us-east-1', credentials })
const ShardId = 'shardId-000000000000'
const StartingPosition = { Type: 'LATEST' } as const
const { EventStream } = await client.send(
  new SubscribeToShardCommand({ ConsumerARN, ShardId, StartingPosition })
)
if (!EventStream) throw new Error('no event stream')

const latencies: number[] = []
const reading = (async () => {
  for await (const { SubscribeToShardEvent } of EventStream) {
    for (const { Data } of SubscribeToShardEvent?.Records ?? []) {
      latencies.push(performance.now() - Number(Buffer.from(Data ?? []).toString()))
      if (latencies.length >= count) return
    }
  }
})()
for (let i = 0; i < count; i++) {
  const Data = Buffer.from(String(performance.now()))
  await client.send(
    new PutRecordCommand({ StreamName: 'one', Data, PartitionKey: 'k', ExplicitHashKey: '0' })
  )
  await delay(20)
}
await reading
latencies.sort((a, b) => a - b)
const p99Ms = latencies[Math.floor(latencies.length * 0.99)] ?? 0
process.stdout.write(`${JSON.stringify({ p99Ms })}\n`)
process.exit(0)
