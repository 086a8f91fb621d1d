import type { Clock } from '../../../shared/clock.ts'
import { asHeadwaterError, HeadwaterError } from '../../../shared/errors.ts'
import type { Log } from '../../../shared/log.ts'
import type {
  CreateOptions,
  PutEntry,
  PutOutcome,
  ReadRange,
  ReadResult,
  ShardId,
  ShardMark,
  StreamAdmin,
  StreamDescription,
  StreamEngine
} from '../engine.ts'
import type { KinesisAccess } from './kinesis-calls.ts'
import { putRecords } from './put-records.ts'
import { Service } from './service.ts'
import { incompleteAnswer } from './service-error.ts'
import { ShardReads } from './shard-reads.ts'
import { StreamChanges } from './stream-changes.ts'
import { StreamMaps } from './stream-maps.ts'

export interface KinesisEngineOptions extends KinesisAccess {
  /** The only stream to use; absent: all of the account and region. */
  readonly stream?: string
  /** How often the shard maps are read without a reason. */
  readonly refreshMs: number
  readonly clock: Clock
  readonly log: Log
}

/** Kinesis tells nobody of new records: whoever waits for some looks again after this. */
const lookAgainMs = 1000

/** Amazon Kinesis Data Streams, or whatever speaks its API. */
export class KinesisEngine implements StreamEngine, StreamAdmin {
  readonly name = 'kinesis engine'
  readonly keepsMarks = false
  /** A put takes tens of milliseconds and is billed by size, so waiting for more is worth it. */
  readonly lingerMs = 100
  readonly #options: KinesisEngineOptions
  readonly #service: Service
  readonly #maps: StreamMaps
  readonly #reads: ShardReads
  readonly #changes: StreamChanges
  readonly #stopping = new AbortController()
  readonly #waiting = new Set<{ readonly stream: string; readonly woken: AbortController }>()

  constructor(options: KinesisEngineOptions) {
    const { stream, clock } = options
    this.#options = options
    this.#service = new Service(options)
    const service = this.#service
    this.#maps = new StreamMaps({ ...options, service, ...(stream ? { only: stream } : {}) })
    this.#reads = new ShardReads(service, clock)
    this.#changes = new StreamChanges({ service, maps: this.#maps, clock })
    this.#maps.onChange((changed) => this.#wake(changed))
  }

  /** Resolves without a call: whether the service can be reached is known by the first one. */
  async start(signal: AbortSignal): Promise<void> {
    await this.#service.open()
    if (signal.aborted) await this.stop()
    else void this.#maps.run(this.#stopping.signal)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    for (const { woken } of this.#waiting) woken.abort()
    await this.#service.close()
  }

  async streams(): Promise<readonly string[]> {
    const { stream: only } = this.#options
    if (only !== undefined) {
      await this.#maps.get(only)
      return [only]
    }
    const names: string[] = []
    for (let more = true; more; ) {
      const last = names.at(-1)
      const page = await this.#service.call('ListStreams', (kinesis) =>
        kinesis.listStreams(last === undefined ? {} : { ExclusiveStartStreamName: last })
      )
      if (!page.StreamNames) throw incompleteAnswer('ListStreams', 'StreamNames')
      names.push(...page.StreamNames)
      more = page.HasMoreStreams === true
    }
    return names
  }

  describe(stream: string): Promise<StreamDescription> {
    return this.#maps.get(stream)
  }

  onReshard(listener: (stream: string) => void): void {
    this.#maps.onChange(listener)
  }

  async put(
    stream: string,
    entries: readonly PutEntry[],
    signal: AbortSignal
  ): Promise<PutOutcome[]> {
    if (signal.aborted) throw new HeadwaterError('unavailable', 'the put was given up')
    const { distribution } = await this.#maps.get(stream)
    const outcomes = await this.#send(stream, entries, signal)
    const isElsewhere = outcomes.some(
      (one, i) => one.status === 'stored' && one.shard !== entries[i]?.shard
    )
    if (isElsewhere && distribution === 'key') this.#maps.doubt(stream)
    if (outcomes.some(({ status }) => status === 'throttled')) this.#maps.throttled(stream)
    this.#wake(stream)
    return outcomes
  }

  /** Kinesis keeps none. */
  async marks(): Promise<readonly ShardMark[]> {
    return []
  }

  async read(stream: string, shard: ShardId, range: ReadRange): Promise<ReadResult> {
    try {
      const { shards } = await this.#maps.get(stream)
      const result = await this.#reads.read({ stream, shard }, range)
      // A shard that has an end is closed, and what was put since then is in its children.
      const isOpen = shards.some(({ id, open }) => id === shard && open)
      if (!result.next && isOpen) this.#maps.doubt(stream)
      return result
    } catch (thrown) {
      const error = asHeadwaterError(thrown)
      if (error.code !== 'unknown_stream') throw error
      // The service says the same of a shard; which of both it is, the shard map tells.
      await this.#maps.refresh(stream)
      const message = `no shard ${shard} in stream "${stream}"`
      throw new HeadwaterError('not_found', message, { cause: error })
    }
  }

  async changed(stream: string, signal: AbortSignal): Promise<void> {
    await this.#maps.get(stream)
    const one = { stream, woken: new AbortController() }
    this.#waiting.add(one)
    await this.#options.clock.sleep(lookAgainMs, AbortSignal.any([signal, one.woken.signal]))
    this.#waiting.delete(one)
  }

  create(stream: string, options: CreateOptions): Promise<void> {
    return this.#changes.create(stream, options)
  }

  delete(stream: string): Promise<void> {
    return this.#changes.delete(stream)
  }

  split(stream: string, shard: ShardId, at?: bigint): Promise<readonly ShardId[]> {
    return this.#changes.split(stream, shard, at)
  }

  merge(stream: string, shard: ShardId, neighbour: ShardId): Promise<ShardId> {
    return this.#changes.merge(stream, shard, neighbour)
  }

  async #send(
    stream: string,
    entries: readonly PutEntry[],
    signal: AbortSignal
  ): Promise<PutOutcome[]> {
    try {
      return await putRecords(entries, { service: this.#service, stream, signal })
    } catch (thrown) {
      const error = asHeadwaterError(thrown)
      if (error.code === 'unknown_stream') this.#maps.gone(stream)
      throw error
    }
  }

  #wake(stream: string): void {
    for (const one of this.#waiting) if (one.stream === stream) one.woken.abort()
  }
}
