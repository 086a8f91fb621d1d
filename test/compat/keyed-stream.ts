import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import {
  CreateStreamCommand,
  KinesisClient,
  type KinesisClientConfig,
  ListShardsCommand,
  MergeShardsCommand,
  PutRecordsCommand,
  type Shard,
  type ShardFilter,
  SplitShardCommand
} from '@aws-sdk/client-kinesis'
import { cleanUp } from '../support/cleanup.ts'
import { region } from './kinesis-gateway.ts'

const keys = 8

export interface KeyedRecord {
  readonly key: string
  readonly data: string
}

export interface Range {
  readonly start: bigint
  readonly end: bigint
}

/** A stream of two shards whose records are `key/n`, n from 0 up, under each of eight keys in turn. */
export class KeyedStream {
  readonly name = 'keyed'
  /** What was put, by key. */
  readonly written = new Map<string, string[]>()
  /** How many records were put. */
  count = 0
  readonly #client: KinesisClient

  private constructor(client: KinesisClient) {
    this.#client = client
  }

  static async create(
    t: TestContext,
    endpoint: string,
    options: KinesisClientConfig = {}
  ): Promise<KeyedStream> {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
    const client = new KinesisClient({ endpoint, region, credentials, ...options })
    cleanUp(t, () => client.destroy())
    const stream = new KeyedStream(client)
    await client.send(new CreateStreamCommand({ StreamName: stream.name, ShardCount: 2 }))
    return stream
  }

  /** Puts `count` more records, at most 500. */
  async put(count: number): Promise<void> {
    const Records = this.#next(count).map(({ key, data }) => ({
      PartitionKey: key,
      Data: Buffer.from(data)
    }))
    const command = new PutRecordsCommand({ StreamName: this.name, Records })
    assert.equal((await this.#client.send(command)).FailedRecordCount, 0)
  }

  /** Sends `count` more records to the gateway at `url`, in one request. */
  async post(url: string, count: number): Promise<void> {
    const records = this.#next(count).map(({ key, data }) => ({ partitionKey: key, text: data }))
    const response = await fetch(`${url}/v1/streams/${this.name}/records`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ records })
    })
    assert.equal(response.status, 200, await response.text())
  }

  /** Splits the open shard with the lowest range. */
  async split(): Promise<void> {
    const [shard] = await this.#shards({ Type: 'AT_LATEST' })
    assert.ok(shard)
    const { start, end } = rangeOf(shard)
    const split = { ShardToSplit: shard.ShardId, NewStartingHashKey: String((start + end) / 2n) }
    await this.#client.send(new SplitShardCommand({ StreamName: this.name, ...split }))
  }

  /** Merges the two open shards with the lowest ranges. */
  async merge(): Promise<void> {
    const [one, two] = await this.#shards({ Type: 'AT_LATEST' })
    const merge = { ShardToMerge: one?.ShardId, AdjacentShardToMerge: two?.ShardId }
    await this.#client.send(new MergeShardsCommand({ StreamName: this.name, ...merge }))
  }

  /** The ranges of all shards, open or closed, by id. */
  async ranges(): Promise<ReadonlyMap<string, Range>> {
    const shards = await this.#shards({ Type: 'FROM_TRIM_HORIZON' })
    return new Map(shards.map((shard) => [shard.ShardId ?? '', rangeOf(shard)]))
  }

  /** The next `count` records, which are `written` from now on. */
  #next(count: number): KeyedRecord[] {
    return Array.from({ length: count }, () => {
      const key = `key-${this.count++ % keys}`
      const list = this.written.get(key) ?? []
      this.written.set(key, list)
      const data = `${key}/${list.length}`
      list.push(data)
      return { key, data }
    })
  }

  /** By their ranges. */
  async #shards(filter: ShardFilter): Promise<Shard[]> {
    const command = new ListShardsCommand({ StreamName: this.name, ShardFilter: filter })
    const { Shards = [] } = await this.#client.send(command)
    return Shards.toSorted((a, b) => (rangeOf(a).start < rangeOf(b).start ? -1 : 1))
  }
}

function rangeOf({ HashKeyRange: range }: Shard): Range {
  return { start: BigInt(range?.StartingHashKey ?? 0), end: BigInt(range?.EndingHashKey ?? 0) }
}
