import type { Clock } from '../../../../../shared/clock.ts'
import { shardIdOf } from '../../../shard-id.ts'
import type { ShardRow } from '../../shard-table.ts'
import { accountId } from '../wire-context.ts'
import { WireError } from '../wire-error.ts'

const mebibyte = 1024 * 1024

/** What Amazon Kinesis lets one shard do in a second. */
const perSecond = {
  writeBytes: mebibyte,
  writes: 1000,
  readBytes: 2 * mebibyte,
  reads: 5,
  iterators: 5
} as const

/**
 * One second's worth at most. What is asked for is given when it is there, or when the bucket is
 * full: a record larger than a second's worth goes through alone. An overdrawn bucket gives
 * nothing until it is full again, so that a read of 10 MiB stops the next 5 seconds and any read
 * over the limit the next one.
 */
class TokenBucket {
  readonly #ratePerSecond: number
  #level: number
  #filledMs: number
  #overdrawn = false

  constructor(ratePerSecond: number, nowMs: number) {
    this.#ratePerSecond = ratePerSecond
    this.#level = ratePerSecond
    this.#filledMs = nowMs
  }

  has(amount: number, nowMs: number): boolean {
    const rate = this.#ratePerSecond
    this.#level = Math.min(rate, this.#level + ((nowMs - this.#filledMs) * rate) / 1000)
    this.#filledMs = nowMs
    if (this.#level === rate) this.#overdrawn = false
    return !this.#overdrawn && this.#level >= Math.min(amount, rate)
  }

  take(amount: number): void {
    this.#level -= amount
    this.#overdrawn ||= this.#level < 0
  }
}

type Buckets = Readonly<Record<keyof typeof perSecond, TokenBucket>>

/**
 * The throughput limits of Amazon Kinesis for each shard. What is known of a shard goes with it:
 * it is kept as long as the row in the shard table.
 */
export class ShardLimits {
  readonly #clock: Clock
  readonly #buckets = new WeakMap<ShardRow, Buckets>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether a record of so many bytes, key included, may be written; if so it is counted. */
  write(row: ShardRow, bytes: number): boolean {
    const nowMs = this.#clock.monoMs()
    const { writeBytes, writes } = this.#of(row, nowMs)
    const fits = writeBytes.has(bytes, nowMs)
    if (!writes.has(1, nowMs) || !fits) return false
    writeBytes.take(bytes)
    writes.take(1)
    return true
  }

  /** Counts a call of GetRecords. Throws `ProvisionedThroughputExceededException`. */
  requireRead(row: ShardRow, stream: string): void {
    const nowMs = this.#clock.monoMs()
    const { reads, readBytes } = this.#of(row, nowMs)
    const fits = readBytes.has(1, nowMs)
    if (!reads.has(1, nowMs) || !fits) throw rateExceeded(row, stream)
    reads.take(1)
  }

  /** Counts what a read gave. */
  countRead(row: ShardRow, bytes: number): void {
    this.#of(row, this.#clock.monoMs()).readBytes.take(bytes)
  }

  /** Counts a call of GetShardIterator. Throws `ProvisionedThroughputExceededException`. */
  requireIterator(row: ShardRow, stream: string): void {
    const nowMs = this.#clock.monoMs()
    const { iterators } = this.#of(row, nowMs)
    if (!iterators.has(1, nowMs)) throw rateExceeded(row, stream)
    iterators.take(1)
  }

  #of(row: ShardRow, nowMs: number): Buckets {
    let buckets = this.#buckets.get(row)
    if (!buckets) {
      buckets = {
        writeBytes: new TokenBucket(perSecond.writeBytes, nowMs),
        writes: new TokenBucket(perSecond.writes, nowMs),
        readBytes: new TokenBucket(perSecond.readBytes, nowMs),
        reads: new TokenBucket(perSecond.reads, nowMs),
        iterators: new TokenBucket(perSecond.iterators, nowMs)
      }
      this.#buckets.set(row, buckets)
    }
    return buckets
  }
}

function rateExceeded(row: ShardRow, stream: string): WireError {
  return new WireError('ProvisionedThroughputExceededException', rateText(row, stream))
}

/** What the service says of a shard that is asked too much. */
export function rateText(row: ShardRow, stream: string): string {
  const shard = shardIdOf(row.index)
  return `Rate exceeded for shard ${shard} in stream ${stream} under account ${accountId}.`
}
