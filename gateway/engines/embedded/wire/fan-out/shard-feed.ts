import type { Clock } from '../../../../../shared/clock.ts'
import type { ReadResult, ShardId, ShardPosition } from '../../../engine.ts'
import type { EmbeddedEngine } from '../../embedded-engine.ts'
import { WireError } from '../wire-error.ts'

/** How long a subscription lasts, and how often it is heard of. */
const lifeMs = 5 * 60_000
const heartbeatMs = 5000

/** Of one event; a single record may be larger. botocore takes frames up to 24 MB. */
const eventLimit = { maxRecords: 10_000, maxBytes: 1024 * 1024 } as const

export interface ShardFeedOptions {
  readonly engine: EmbeddedEngine
  readonly stream: string
  readonly shard: ShardId
  readonly clock: Clock
  /** Ends the feed; with its reason when that is a `WireError`. */
  readonly signal: AbortSignal
  /** Records given in a second. Bytes; absent: as fast as they are taken. */
  readonly bytesPerSecond?: number
}

/** Follows one shard for five minutes, or until it is read to its end. */
export class ShardFeed {
  readonly #options: ShardFeedOptions
  readonly #endMs: number

  constructor(options: ShardFeedOptions) {
    this.#options = options
    this.#endMs = options.clock.monoMs() + lifeMs
  }

  /** The first read: what it gives for the moving end of a shard stays the place that it was then. */
  begin(from: ShardPosition): Promise<ReadResult> {
    const { engine, stream, shard } = this.#options
    return engine.read(stream, shard, { from, ...eventLimit })
  }

  /**
   * What was read, beginning with `first`; an empty one every five seconds when there is nothing.
   * The next is read when the one before was taken. Rejects like `engine.read`, and with the
   * reason of the signal.
   */
  async *results(first: ReadResult): AsyncGenerator<ReadResult> {
    const { clock, signal } = this.#options
    let result = first
    let sentMs = clock.monoMs()
    // The first is given even when it is empty: it tells the place from which to go on.
    let due = true
    while (!signal.aborted && clock.monoMs() < this.#endMs) {
      if (due || result.records.length > 0 || !result.next) {
        yield result
        sentMs = clock.monoMs()
        await this.#pace(result)
      }
      if (!result.next) return
      result = await this.#following(result.next, sentMs + heartbeatMs)
      due = clock.monoMs() >= sentMs + heartbeatMs
    }
    if (signal.reason instanceof WireError) throw signal.reason
  }

  /** What there is from `place` on, waiting for it until `untilMs`. */
  async #following(place: ShardPosition, untilMs: number): Promise<ReadResult> {
    const { engine, stream, clock, signal } = this.#options
    const wake = new AbortController()
    const end = () => wake.abort()
    signal.addEventListener('abort', end, { once: true })
    try {
      // Asked before the read, so that nothing falls between; the read tells of a stream that went.
      const changed = engine.changed(stream, wake.signal).catch(() => {})
      const result = await this.begin(place)
      if (result.records.length > 0 || !result.next || signal.aborted) return result
      const waitMs = Math.min(untilMs, this.#endMs) - clock.monoMs()
      await Promise.race([changed, clock.sleep(waitMs, wake.signal)])
      return result
    } finally {
      signal.removeEventListener('abort', end)
      end()
    }
  }

  async #pace({ records }: ReadResult): Promise<void> {
    const { bytesPerSecond, clock, signal } = this.#options
    if (bytesPerSecond === undefined || records.length === 0) return
    const bytes = records.reduce((sum, { data }) => sum + data.length, 0)
    await clock.sleep((bytes * 1000) / bytesPerSecond, signal)
  }
}
