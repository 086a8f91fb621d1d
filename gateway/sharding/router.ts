import { setMaxListeners } from 'node:events'
import { asHeadwaterError, HeadwaterError } from '../../shared/errors.ts'
import type { SequenceSource } from '../../shared/kpl/kpl.ts'
import { ByteBudget } from './byte-budget.ts'
import { ShardMap } from './shard-map.ts'
import type { AdmittedBatch, Sharding, ShardingStats, Taken } from './sharding.ts'
import type { ShardingOptions } from './sharding-options.ts'
import { StreamLanes } from './stream-lanes.ts'

/** The streams that are written to, each with its lanes. */
export class Router implements Sharding {
  readonly name = 'sharding'
  readonly #options: ShardingOptions
  readonly #budget: ByteBudget
  readonly #life = new AbortController()
  readonly #streams = new Map<string, StreamLanes>()
  readonly #opening = new Map<string, Promise<StreamLanes>>()
  readonly #goneListeners: ((stream: string) => void)[] = []
  #arrivals = 0
  #stopped: Promise<void> | undefined

  constructor(options: ShardingOptions) {
    this.#options = options
    this.#budget = new ByteBudget(options.maxBytes)
    // Every put that is under way listens; their number is bounded by the shards.
    setMaxListeners(0, this.#life.signal)
  }

  async start(): Promise<void> {
    this.#options.engine.onReshard((stream) => this.#streams.get(stream)?.refresh())
  }

  stop(deadline: AbortSignal): Promise<void> {
    this.#stopped ??= this.#stop(deadline)
    return this.#stopped
  }

  prepare(stream: string, source: SequenceSource | undefined): Promise<void> | undefined {
    const lanes = this.#streams.get(stream)
    if (!lanes) return this.#prepareStream(stream, source)
    return source && this.#answered(stream, lanes.prepare(source))
  }

  take(batch: AdmittedBatch): Taken {
    if (this.#stopped) throw new HeadwaterError('unavailable', 'the gateway is stopping')
    this.#arrivals += 1
    return this.#prepared(batch.stream).take(batch, this.#arrivals)
  }

  maxRecordBytes(stream: string): number {
    return this.#prepared(stream).maxRecordBytes
  }

  onGone(listener: (stream: string) => void): void {
    this.#goneListeners.push(listener)
  }

  /**
   * Why the engine stores none of the streams in use; empty as long as it stores one. The trouble of
   * some streams is told by the log: others must not be sent elsewhere for it.
   */
  troubles(): readonly string[] {
    const troubles = Array.from(this.#streams).flatMap(([stream, { trouble }]) =>
      trouble === undefined ? [] : [`stream "${stream}" is not stored: ${trouble}`]
    )
    return troubles.length === this.#streams.size ? troubles : []
  }

  stats(): ShardingStats {
    return {
      lanes: Array.from(this.#streams.values(), (lanes) => lanes.stats()).flat(),
      bytes: this.#budget.bytes,
      maxBytes: this.#options.maxBytes
    }
  }

  #prepared(stream: string): StreamLanes {
    const lanes = this.#streams.get(stream)
    if (lanes) return lanes
    throw new HeadwaterError('unavailable', `stream ${stream} is not prepared`)
  }

  async #prepareStream(stream: string, source: SequenceSource | undefined): Promise<void> {
    let opening = this.#opening.get(stream)
    if (!opening) {
      opening = this.#open(stream).finally(() => this.#opening.delete(stream))
      this.#opening.set(stream, opening)
    }
    const lanes = await this.#answered(stream, opening)
    if (source) await this.#answered(stream, lanes?.prepare(source))
  }

  async #open(stream: string): Promise<StreamLanes> {
    const map = new ShardMap(await this.#options.engine.describe(stream))
    const lanes = new StreamLanes(map, {
      ...this.#options,
      budget: this.#budget,
      signal: this.#life.signal,
      onGone: () => this.#gone(stream)
    })
    this.#streams.set(stream, lanes)
    return lanes
  }

  #gone(stream: string): void {
    this.#streams.delete(stream)
    for (const listener of this.#goneListeners) listener(stream)
  }

  /** An engine that does not answer is `unavailable`, whatever it threw. */
  #answered<T>(stream: string, asked: Promise<T> | undefined): Promise<T> | undefined {
    return asked?.catch((error: unknown) => {
      const cause = asHeadwaterError(error)
      if (cause.code === 'unknown_stream' || cause.code === 'unavailable') throw cause
      throw new HeadwaterError('unavailable', `stream ${stream}: the engine does not answer`, {
        cause
      })
    })
  }

  async #stop(deadline: AbortSignal): Promise<void> {
    for (const lanes of this.#streams.values()) lanes.flush()
    await this.#budget.emptied(deadline)
    const error = new HeadwaterError('unavailable', 'the gateway stopped before this was durable')
    for (const lanes of this.#streams.values()) lanes.abandon(error)
    this.#life.abort()
  }
}
