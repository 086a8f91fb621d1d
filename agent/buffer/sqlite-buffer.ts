import type { Clock } from '../../shared/clock.ts'
import { HeadwaterError } from '../../shared/errors.ts'
import { freeBytesOf } from '../../shared/free-bytes.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import { Database } from '../../shared/sqlite.ts'
import type { BatchHeader } from '../../shared/wire/batch.ts'
import type { DeviceTime } from '../clock/device-time.ts'
import { Bell } from './bell.ts'
import type {
  AgentBuffer,
  BufferStats,
  Chunk,
  FrameId,
  OverflowPolicy,
  Parked,
  StoredFrame
} from './buffer.ts'
import { BufferCore } from './buffer-core.ts'
import { statsOf } from './buffer-stats.ts'
import { Capacity } from './capacity.ts'
import type { Compression } from './intake/chunk-parts.ts'
import { DataDirectory, isUnwritable } from './store/data-directory.ts'
import type { DeadLetter, LetterPage } from './dead-letters.ts'
import { HeldFrames } from './frames/held-frames.ts'
import { Intake } from './intake/intake.ts'
import { RecentFrames } from './frames/recent-frames.ts'
import { Sequence } from './sequence.ts'
import { StoredLanes } from './stored-lanes.ts'
import type { OpenSql } from './store/sql.ts'

export interface SqliteBufferOptions {
  readonly directory: string
  readonly device: string
  /** The same for a stream as long as the buffer runs. */
  readonly overflow: (stream: string) => OverflowPolicy
  readonly frameBytes: number
  readonly segmentBytes: number
  readonly capBytes: number
  readonly freeDiskFloorBytes: number
  readonly commitAgeMs: number
  readonly pageSize: number
  readonly compression: Compression
  readonly ringBytes: number
  readonly ringRecords: number
  readonly deadLetterBytes: number
  readonly clock: Clock
  readonly time: DeviceTime
  readonly random: Random
  readonly log: Log
  /** Free space of the disk that holds `directory`; default: what the system says. */
  readonly freeBytes?: () => Promise<number>
  /** How databases are opened; tests put a failing disk here. */
  readonly openDatabase?: OpenSql
}

/** Frames kept in memory after they were written, so that the sender finds them there. Bytes. */
const recentBytes = 4 * 1024 * 1024

/** How often it is saved how far the sending has come. */
const progressIntervalMs = 1000

/** With a small cap, segments and frames are smaller, too: room comes back a segment at a time. */
const minSegments = 8
const minFrames = 32

/** What exists between start and stop. */
interface Running {
  readonly directory: DataDirectory
  readonly core: BufferCore
  readonly held: HeldFrames
  readonly intake: Intake
}

/** The durable buffer of the agent, in SQLite files. */
export class SqliteBuffer implements AgentBuffer {
  readonly name = 'buffer'
  readonly lanes: StoredLanes
  readonly #options: SqliteBufferOptions
  readonly #sequence: Sequence
  readonly #bell = new Bell()
  readonly #ending = new AbortController()
  #starting: Promise<void> | undefined
  #inner: Running | undefined
  #saving: Promise<void> | undefined
  #saveFailed = false
  #stopped: Promise<void> | undefined

  constructor(options: SqliteBufferOptions) {
    this.#options = options
    this.#sequence = new Sequence(options.random)
    this.lanes = new StoredLanes(() => this.#running(), options.time)
  }

  /** Rejects with `store_locked`, `store_too_new`, `store_full`. */
  start(signal: AbortSignal): Promise<void> {
    this.#starting ??= this.#start(signal)
    return this.#starting
  }

  stop(deadline: AbortSignal): Promise<void> {
    this.#stopped ??= this.#stop(deadline)
    return this.#stopped
  }

  async append(chunk: Chunk, signal?: AbortSignal): Promise<void> {
    return this.#running().intake.append(chunk, signal)
  }

  cursors(prefix: string): ReadonlyMap<string, Buffer> {
    return this.#inner?.core.cursors.positions(prefix) ?? new Map()
  }

  streams(): readonly string[] {
    return this.#inner?.held.streams() ?? []
  }

  async read(stream: string, after: FrameId | undefined, maxBytes: number): Promise<StoredFrame[]> {
    return this.#running().held.read(stream, after, maxBytes)
  }

  floor(stream: string, epoch: string): number {
    return this.#inner?.held.floor(stream, epoch) ?? 0
  }

  currentHeader(frame: StoredFrame): BatchHeader {
    return this.#inner?.held.currentHeader(frame) ?? frame.header
  }

  async release(id: FrameId, parked?: readonly Parked[]): Promise<void> {
    return this.#running().held.release(id, parked)
  }

  changed(signal: AbortSignal): Promise<void> {
    return this.#bell.wait(signal)
  }

  /** Parked records, in the order in which they were parked; `after`: id of the last one known. */
  async deadLetters(page: LetterPage): Promise<{ id: number; letter: DeadLetter }[]> {
    return this.#running().core.deadLetterPage(page)
  }

  /** See `DeadLetters.remove`. */
  async removeDeadLetters(ids: readonly number[], what: { readonly lost: boolean }): Promise<void> {
    return this.#running().core.deadLetters.remove(ids, what)
  }

  stats(): BufferStats {
    return statsOf(this.#inner, { time: this.#options.time, epoch: this.#sequence.epoch })
  }

  /** Nothing can be written to the directory now; what changes is in memory. */
  get readOnly(): boolean {
    return this.#running().directory.readOnly
  }

  async #start(signal: AbortSignal): Promise<void> {
    const { openDatabase = (path) => Database.open(path), log } = this.#options
    if (this.#stopped) throw new HeadwaterError('unavailable', 'the buffer was stopped')
    signal.throwIfAborted()
    const directory = new DataDirectory(this.#options.directory, openDatabase, log)
    await directory.acquire()
    try {
      this.#inner = await this.#open(directory, signal).catch((error: unknown) => {
        if (directory.readOnly || !isUnwritable(error)) throw error
        directory.suspend(error)
        return this.#open(directory, signal)
      })
    } catch (error) {
      await directory.release()
      throw error
    }
    this.#saving = this.#saveNowAndThen(this.#inner.core)
  }

  async #open(directory: DataDirectory, signal: AbortSignal): Promise<Running> {
    const { pageSize, log, capBytes, freeBytes = () => freeBytesOf(directory.path) } = this.#options
    const shared = {
      ...this.#options,
      sequence: this.#sequence,
      bell: this.#bell,
      recent: new RecentFrames(recentBytes)
    }
    const core = await BufferCore.open(
      {
        ...shared,
        store: {
          directory: directory.path,
          pageSize,
          open: (path) => directory.open(path),
          readOnly: () => directory.readOnly,
          log
        },
        capacity: new Capacity({ ...this.#options, freeBytes }),
        segmentBytes: Math.min(this.#options.segmentBytes, Math.floor(capBytes / minSegments))
      },
      signal
    )
    const { index, rows, deadLetters, ledger } = core
    const frameBytes = Math.min(this.#options.frameBytes, Math.floor(capBytes / minFrames))
    const intake = new Intake({ ...shared, core, frameBytes, directory })
    const roomMade = () => intake.nudge()
    const held = new HeldFrames({ ...shared, index, rows, deadLetters, ledger, roomMade })
    return { directory, core, held, intake }
  }

  async #saveNowAndThen(core: BufferCore): Promise<void> {
    const { clock } = this.#options
    const { signal } = this.#ending
    while (!signal.aborted) {
      await clock.sleep(progressIntervalMs, signal)
      await this.#saveProgress(core)
    }
  }

  async #saveProgress(core: BufferCore): Promise<void> {
    const message = 'progress cannot be saved; after a restart more is sent again'
    try {
      await core.saveProgress()
      this.#saveFailed = false
    } catch (error) {
      if (!this.#saveFailed) this.#options.log.warn({ error }, message)
      this.#saveFailed = true
    }
  }

  async #stop(deadline: AbortSignal): Promise<void> {
    await this.#starting?.catch(() => undefined)
    const inner = this.#inner
    await inner?.intake.stop(deadline)
    this.#ending.abort()
    await this.#saving
    if (inner) await this.#saveProgress(inner.core)
    const closed = await Promise.allSettled([inner?.core.close()])
    closed.push(...(await Promise.allSettled([inner?.directory.release()])))
    const errors = closed.flatMap((one) =>
      one.status === 'rejected' ? [one.reason as unknown] : []
    )
    if (errors.length > 0) throw new AggregateError(errors, 'the buffer did not close cleanly')
  }

  #running(): Running {
    if (this.#inner && !this.#ending.signal.aborted) return this.#inner
    throw new HeadwaterError('unavailable', 'the buffer is not running')
  }
}
