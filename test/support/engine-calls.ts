import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type {
  Mark,
  PutEntry,
  PutOutcome,
  Shard,
  ShardId,
  ShardPosition,
  StreamAdmin,
  StreamEngine,
  StreamRecord
} from '../../gateway/engines/engine.ts'
import { HeadwaterError } from '../../shared/errors.ts'

/** An engine whose streams a test can make; the tests use stream `s`. */
export type TestedEngine = StreamEngine & StreamAdmin

const never = new AbortController().signal
const limit = { maxRecords: 1000, maxBytes: 10_000_000 }

export function shardId(index: number): ShardId {
  return `shardId-${String(index).padStart(12, '0')}`
}

interface EntryParts {
  readonly text?: string
  readonly data?: Buffer
  readonly partitionKey?: string
  readonly shard?: ShardId
  readonly hash?: string
  readonly marks?: readonly Mark[]
}

/** An entry for the first shard, unless told otherwise. */
export function entry(parts: EntryParts): PutEntry {
  return {
    shard: parts.shard ?? shardId(0),
    partitionKey: parts.partitionKey ?? 'k',
    hashKey: BigInt(parts.hash ?? '1'),
    data: parts.data ?? Buffer.from(parts.text ?? ''),
    marks: parts.marks ?? []
  }
}

/** A hash key inside lane `index` of a stream with `count` equal shards. */
export function laneHash(index: number, count = 4): string {
  return (((1n << 128n) / BigInt(count)) * BigInt(index) + 5n).toString()
}

/** Puts entries into stream `s`, all of which must be stored; resolves with their sequence numbers. */
export async function putAll(
  engine: StreamEngine,
  entries: readonly PutEntry[]
): Promise<string[]> {
  const outcomes = await engine.put('s', entries, never)
  return outcomes.map(sequenceOf)
}

export function sequenceOf(outcome: PutOutcome): string {
  if (outcome.status !== 'stored') assert.fail(`not stored: ${outcome.status}, ${outcome.message}`)
  return outcome.sequence
}

export async function readTexts(
  engine: StreamEngine,
  shard: ShardId,
  position: ShardPosition = { at: 'start' }
): Promise<string[]> {
  const texts: string[] = []
  for (let at: ShardPosition | undefined = position; at; ) {
    const result = await engine.read('s', shard, { ...limit, from: at })
    texts.push(...result.records.map(textOf))
    at = result.records.length > 0 ? result.next : undefined
  }
  return texts
}

export function textOf(record: StreamRecord): string {
  return record.data.toString()
}

export function isCode(code: string): (thrown: unknown) => boolean {
  return (thrown) => thrown instanceof HeadwaterError && thrown.code === code
}

/** MD5 of a partition key as a decimal hash key. */
export function hashOf(partitionKey: string): string {
  return BigInt(`0x${createHash('md5').update(partitionKey).digest('hex')}`).toString()
}

export function assertTiles(shards: readonly Shard[]): void {
  const open = shards
    .filter((shard) => shard.open)
    .map((shard) => shard.range)
    .toSorted((a, b) => (a.start < b.start ? -1 : 1))
  let next = 0n
  for (const range of open) {
    assert.equal(range.start, next)
    assert.ok(range.end >= range.start)
    next = range.end + 1n
  }
  assert.equal(next, 1n << 128n)
}
