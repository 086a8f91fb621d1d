import { KinesisRequest } from './kinesis-request.ts'

// Reads a stream from its beginning to its end by GetRecords, one shard after the other.
const url = process.argv[2] ?? ''
const StreamName = 'bench'

interface Page {
  readonly Records: readonly unknown[]
  readonly NextShardIterator?: string
  readonly MillisBehindLatest: number
}

const client = new KinesisRequest(url)
const { Shards } = await client.ask<{ Shards: { ShardId: string }[] }>('ListShards', { StreamName })
let records = 0
const begin = performance.now()
for (const { ShardId } of Shards) {
  const input = { StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' }
  const { ShardIterator } = await client.ask<{ ShardIterator: string }>('GetShardIterator', input)
  let next: string | undefined = ShardIterator
  while (next !== undefined) {
    const page: Page = await client.ask('GetRecords', { ShardIterator: next, Limit: 10_000 })
    records += page.Records.length
    next =
      page.Records.length === 0 && page.MillisBehindLatest === 0
        ? undefined
        : page.NextShardIterator
  }
}
const seconds = (performance.now() - begin) / 1000
await client.close()
process.stdout.write(`${JSON.stringify({ records, bytesPerSecond: (records * 200) / seconds })}\n`)
