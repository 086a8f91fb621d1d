import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DirectoryLock } from '../../../shared/directory-lock.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { requireName } from '../../../shared/record.ts'
import type {
  CheckpointStore,
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
import { Catalog, type Commitment } from './catalog.ts'
import type { EngineClock } from './engine-clock.ts'
import { syncDirectory } from './segment-files.ts'
import {
  describeStream,
  type EmbeddedCreateOptions,
  newDefinition,
  type StreamDefinition
} from './stream-definition.ts'
import type { Expect } from './put-queue.ts'
import type { ShardRun } from './shard-run.ts'
import { StreamDirectory } from './stream-directory.ts'
import { StreamEvents } from './stream-events.ts'
import type { EmbeddedEngineStats } from './engine-stats.ts'
import type { StreamStore } from './stream-store.ts'
import { createContext, type EmbeddedEngineOptions } from './store-context.ts'
import { sweepLoop } from './sweep-loop.ts'
import { scaleUniformly } from './uniform-scaling.ts'

export type { EmbeddedEngineOptions } from './store-context.ts'

const defaultRetentionMs = 24 * 3_600_000

interface Running {
  readonly lock: DirectoryLock
  readonly catalog: Catalog
  readonly age: EngineClock
  readonly streams: StreamDirectory
  readonly sweeping: Promise<void>
}

/** The stream engine inside the gateway: shards, order and retention of Kinesis on SQLite files. */
export class EmbeddedEngine implements StreamEngine, StreamAdmin, CheckpointStore {
  readonly name = 'embedded engine'
  readonly keepsMarks = true
  /** Commits gather by themselves what arrives during the one before. */
  readonly lingerMs = 2
  readonly #options: EmbeddedEngineOptions
  readonly #events = new StreamEvents()
  readonly #stopping = new AbortController()
  #running: Running | undefined
  #stopped: Promise<void> | undefined

  constructor(options: EmbeddedEngineOptions) {
    this.#options = options
  }

  /** Rejects with `store_locked`, `store_too_new`, `store_full`. Damaged files do not stop it. */
  async start(signal: AbortSignal): Promise<void> {
    const { directory, log } = this.#options
    await mkdir(directory, { recursive: true })
    await syncDirectory(dirname(directory))
    const lock = await DirectoryLock.take(directory)
    let catalog: Catalog | undefined
    try {
      catalog = await Catalog.open(join(directory, 'engine.db'), log)
      this.#running = await this.#open(lock, catalog)
    } catch (thrown) {
      await catalog?.close()
      await lock.release()
      throw thrown
    }
    if (signal.aborted) await this.stop(signal)
  }

  stop(_deadline: AbortSignal): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async streams(): Promise<readonly string[]> {
    return this.#require().streams.names
  }

  async describe(stream: string): Promise<StreamDescription> {
    return describeStream(this.definition(stream))
  }

  onReshard(listener: (stream: string) => void): void {
    this.#events.onReshard(listener)
  }

  /**
   * Rejects with `too_large` past the limits of `describe`. A commit that is under way is not cut
   * short by `signal`; it takes as long as the disk does.
   */
  async put(
    stream: string,
    entries: readonly PutEntry[],
    signal?: AbortSignal
  ): Promise<PutOutcome[]> {
    if (signal?.aborted) throw new HeadwaterError('unavailable', 'the put was given up')
    return this.#store(stream).put(entries)
  }

  /** As `put`; `expect` is told what becomes of the runs while they are being written. */
  async putRuns(stream: string, runs: readonly ShardRun[], expect: Expect): Promise<PutOutcome[]> {
    return this.#store(stream).put(runs, expect)
  }

  async marks(stream: string, source: string): Promise<readonly ShardMark[]> {
    return this.#store(stream).marks(source)
  }

  async read(stream: string, shard: ShardId, range: ReadRange): Promise<ReadResult> {
    return this.#store(stream).read(shard, range)
  }

  async changed(stream: string, signal: AbortSignal): Promise<void> {
    this.#store(stream)
    await this.#events.changed(stream, signal)
  }

  async create(stream: string, options: EmbeddedCreateOptions): Promise<void> {
    const { streams } = this.#require()
    const { clock, retentionMs = defaultRetentionMs } = this.#options
    const createdMs = Math.max(0, Math.floor(clock.wallMs()))
    await streams.create(newDefinition(stream, { retentionMs, ...options, createdMs }))
  }

  async delete(stream: string): Promise<void> {
    await this.#require().streams.delete(stream)
    this.#events.notify(stream, 'shards')
  }

  async split(stream: string, shard: ShardId, at?: bigint): Promise<readonly ShardId[]> {
    return this.#store(stream).reshard((table, moment) => table.split(shard, at, moment))
  }

  async merge(stream: string, shard: ShardId, neighbour: ShardId): Promise<ShardId> {
    const store = this.#store(stream)
    const [child] = await store.reshard((table, moment) => table.merge(shard, neighbour, moment))
    return child ?? ''
  }

  /** Splits and merges, all at one moment, until there are `count` open shards of equal width. */
  async scale(stream: string, count: number): Promise<void> {
    await this.#store(stream).reshard((table, moment) => scaleUniformly(table, count, moment))
  }

  /** The shards and settings of a stream as they are now. Throws `unknown_stream`. */
  definition(stream: string): StreamDefinition {
    return this.#store(stream).definition
  }

  /**
   * Changes what is known of a stream, between two commits; durable when it resolves. Rejects with
   * what `change` throws, changing nothing. Shards are changed with `split`, `merge` and `scale` only.
   */
  async alter(
    stream: string,
    change: (definition: StreamDefinition) => StreamDefinition
  ): Promise<void> {
    await this.#store(stream).alter(change)
  }

  /** Of the wire API's account, to a least throughput. */
  async commitment(): Promise<Commitment> {
    return this.#require().catalog.commitment()
  }

  async saveCommitment(commitment: Commitment): Promise<void> {
    await this.#require().catalog.saveCommitment(commitment)
  }

  async saveCheckpoint(application: string, stream: string, value: string): Promise<void> {
    const { catalog, streams } = this.#require()
    streams.require(stream)
    await catalog.saveCheckpoint(requireName(application, 'the application'), stream, value)
  }

  async loadCheckpoint(application: string, stream: string): Promise<string | undefined> {
    return this.#require().catalog.loadCheckpoint(application, stream)
  }

  /** Applies retention and keeps the running time; the engine does so every minute by itself. */
  async sweep(): Promise<void> {
    const { streams, catalog, age } = this.#require()
    await catalog.saveNumber('ageMs', age.ageMs())
    for (const store of streams.stores) await store.sweep()
  }

  stats(): EmbeddedEngineStats {
    const running = this.#running
    return {
      streams: running ? Array.from(running.streams.stores, (store) => store.stats()) : [],
      ageMs: running?.age.ageMs() ?? 0
    }
  }

  async #open(lock: DirectoryLock, catalog: Catalog): Promise<Running> {
    const { directory } = this.#options
    const endedWell = (await catalog.number('clean')) === 1
    await catalog.saveNumber('clean', 0)
    const context = await createContext(this.#options, catalog, this.#events)
    const streams = await StreamDirectory.open(join(directory, 'streams'), context, !endedWell)
    const sweeping = sweepLoop(() => this.sweep(), {
      ...this.#options,
      signal: this.#stopping.signal
    })
    return { lock, catalog, age: context.age, streams, sweeping }
  }

  async #stop(): Promise<void> {
    this.#stopping.abort()
    const running = this.#running
    if (!running) return
    const { lock, catalog, age, streams, sweeping } = running
    await sweeping
    this.#running = undefined
    this.#events.wakeAll()
    try {
      await streams.close()
      await catalog.saveNumber('ageMs', age.ageMs())
      await catalog.saveNumber('clean', 1)
    } finally {
      await catalog.close()
      await lock.release()
    }
  }

  #store(stream: string): StreamStore {
    return this.#require().streams.require(stream)
  }

  #require(): Running {
    if (this.#running) return this.#running
    throw new HeadwaterError('unavailable', 'the engine is not running')
  }
}
