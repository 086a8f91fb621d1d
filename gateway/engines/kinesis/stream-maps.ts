import type { Shard as ListedShard } from '@aws-sdk/client-kinesis'
import type { Clock } from '../../../shared/clock.ts'
import { asHeadwaterError, HeadwaterError } from '../../../shared/errors.ts'
import type { Log } from '../../../shared/log.ts'
import type { Shard, StreamDescription } from '../engine.ts'
import { coverAll, openShards } from '../open-shards.ts'
import type { Service } from './service.ts'
import { incompleteAnswer } from './service-error.ts'
import { descriptionOf, shardsOf, type StreamTraits, traitsOf } from './stream-description.ts'

export interface StreamMapsOptions {
  readonly service: Service
  /** The only stream there is for us; absent: all of the account. */
  readonly only?: string
  readonly refreshMs: number
  readonly clock: Clock
  readonly log: Log
}

interface KnownStream {
  readonly description: StreamDescription
  readonly traits: StreamTraits
  readonly readAtMs: number
  /** Reasons that came since its reading began; with any it is read again before it is used. */
  doubts: number
}

/** What is read anew: the shards, or also what of a stream changes seldom. */
type Asked = 'shards' | 'all'

/** After throttles a map that is younger than this is not read again: ListShards has its own limit. */
const throttleRefreshMs = 10_000

/** What is known of the streams: asked for once, and again when it may be out of date. */
export class StreamMaps {
  readonly #options: StreamMapsOptions
  readonly #known = new Map<string, KnownStream>()
  readonly #reading = new Map<string, Promise<StreamDescription>>()
  readonly #listeners: ((stream: string) => void)[] = []

  constructor(options: StreamMapsOptions) {
    this.#options = options
  }

  /** Calls `listener` when open shards or record limit of a stream have changed, or the stream is gone. */
  onChange(listener: (stream: string) => void): void {
    this.#listeners.push(listener)
  }

  /** Rejects with `unknown_stream`. */
  async get(stream: string): Promise<StreamDescription> {
    // A reading that was under way when the doubt came may bring what is doubted.
    if (this.#known.get(stream)?.doubts) await this.#reading.get(stream)
    const known = this.#known.get(stream)
    return known?.doubts === 0 ? known.description : this.refresh(stream)
  }

  /** Reads the map anew. */
  refresh(stream: string): Promise<StreamDescription> {
    return this.#readOnce(stream, 'shards')
  }

  /** Something contradicts the map: the next `get` gives what was read from now on. */
  doubt(stream: string): void {
    const known = this.#known.get(stream)
    if (known) known.doubts += 1
  }

  /** A shard was throttled, as one does that is to be split: looks for new shards now and then. */
  throttled(stream: string): void {
    const known = this.#known.get(stream)
    if (!known || this.#options.clock.monoMs() - known.readAtMs < throttleRefreshMs) return
    void this.#refreshQuietly(stream, 'shards')
  }

  /** A put said so. */
  gone(stream: string): void {
    if (this.#known.delete(stream)) this.#changed(stream)
  }

  /** Reads all maps again and again until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, refreshMs } = this.#options
    for (;;) {
      await clock.sleep(refreshMs, signal)
      if (signal.aborted) return
      for (const stream of [...this.#known.keys()]) await this.#refreshQuietly(stream, 'all')
    }
  }

  async #refreshQuietly(stream: string, what: Asked): Promise<void> {
    const { log } = this.#options
    try {
      await this.#readOnce(stream, what)
    } catch (thrown) {
      const error = asHeadwaterError(thrown)
      if (error.code !== 'unknown_stream')
        log.warn({ error, stream }, 'shard map was not read anew')
    }
  }

  /**
   * Of several calls at a time the later ones get what the first one reads, so that no older map
   * comes after a newer one.
   */
  #readOnce(stream: string, what: Asked): Promise<StreamDescription> {
    let reading = this.#reading.get(stream)
    if (!reading) {
      reading = this.#read(stream, what).finally(() => this.#reading.delete(stream))
      this.#reading.set(stream, reading)
    }
    return reading
  }

  async #read(stream: string, what: Asked): Promise<StreamDescription> {
    const { only, clock } = this.#options
    if (only !== undefined && stream !== only) {
      throw new HeadwaterError('unknown_stream', `no stream "${stream}"; there is "${only}"`)
    }
    const readAtMs = clock.monoMs()
    const before = this.#known.get(stream)
    const doubtsBefore = before?.doubts ?? 0
    try {
      const traits = before && what === 'shards' ? before.traits : await this.#traits(stream)
      const shards = await this.#shards(stream)
      const doubts = (before?.doubts ?? 0) - doubtsBefore
      return this.#keep(stream, { traits, shards, readAtMs, doubts })
    } catch (thrown) {
      const error = asHeadwaterError(thrown)
      if (error.code === 'unknown_stream') this.gone(stream)
      throw error
    }
  }

  #keep(
    stream: string,
    read: {
      readonly traits: StreamTraits
      readonly shards: readonly Shard[]
      readonly readAtMs: number
      /** That came meanwhile. */
      readonly doubts: number
    }
  ): StreamDescription {
    const { traits, shards, readAtMs } = read
    const before = this.#known.get(stream)?.description
    const isChanged = before !== undefined && openIds(before.shards) !== openIds(shards)
    const version = (before?.version ?? 1) + (isChanged ? 1 : 0)
    const description = descriptionOf(stream, traits, { shards, version })
    const doubts = read.doubts + (coverAll(openShards(shards)) ? 0 : 1)
    this.#known.set(stream, { description, traits, readAtMs, doubts })
    const isLimited = before !== undefined && before.maxRecordBytes !== traits.maxRecordBytes
    if (isChanged || isLimited) this.#changed(stream)
    return description
  }

  #changed(stream: string): void {
    for (const listener of this.#listeners) listener(stream)
  }

  async #traits(stream: string): Promise<StreamTraits> {
    const { StreamDescriptionSummary: summary } = await this.#options.service.call(
      'DescribeStreamSummary',
      (kinesis) => kinesis.describeStreamSummary({ StreamName: stream }),
      stream
    )
    if (!summary) {
      throw incompleteAnswer('DescribeStreamSummary', 'StreamDescriptionSummary', stream)
    }
    if (summary.StreamStatus === 'CREATING' || summary.StreamStatus === 'DELETING') {
      const message = `stream "${stream}" is ${summary.StreamStatus}; try again when it is ACTIVE`
      throw new HeadwaterError('unavailable', message)
    }
    return traitsOf(summary)
  }

  async #shards(stream: string): Promise<Shard[]> {
    const listed: ListedShard[] = []
    let token: string | undefined
    do {
      const from: { NextToken: string } | { StreamName: string } =
        token === undefined ? { StreamName: stream } : { NextToken: token }
      const page = await this.#options.service.call(
        'ListShards',
        (kinesis) => kinesis.listShards(from),
        stream
      )
      if (!page.Shards) throw incompleteAnswer('ListShards', 'Shards', stream)
      listed.push(...page.Shards)
      token = page.NextToken
    } while (token !== undefined)
    return shardsOf(listed)
  }
}

function openIds(shards: readonly Shard[]): string {
  return shards
    .filter((shard) => shard.open)
    .map((shard) => shard.id)
    .join()
}
