import { Backoff } from '../../shared/backoff.ts'
import type { Clock } from '../../shared/clock.ts'
import { asHeadwaterError } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import type { CheckpointStore, StreamEngine } from '../engines/engine.ts'
import { StreamReader } from '../reading/stream-reader.ts'
import type { UserRecord } from '../reading/user-record.ts'
import type { AdmittedBatch, Sharding } from '../sharding/sharding.ts'
import { forwardedBatches } from './forwarded-batches.ts'
import type { Holds } from './holds.ts'
import { SpoolCheckpoint } from './spool-checkpoint.ts'

export interface ForwarderOptions {
  /** Where records are taken from; its checkpoint tells how far they have been carried on. */
  readonly local: StreamEngine & CheckpointStore
  /** Lanes of the remote engine. */
  readonly sharding: Sharding
  readonly holds: Holds
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface StreamForwarderStats {
  readonly stream: string
  /** User records carried on in this life. */
  readonly records: number
  /** Between the arrival of the record carried on last and now; 0 when there is no more. Milliseconds. */
  readonly behindMs: number
  /** Times that it had to begin anew. */
  readonly failures: number
}

/** Reads handed to the lanes before the oldest is durable; each has at most 2 MiB. */
const maxPending = 4

/** The local stream has no repeats, so that the reader need not look for them. */
const maxMarks = 1

/** What was read at a time, and where the reader stood behind it. */
interface Reading {
  readonly durable: readonly Promise<void>[]
  readonly behind: string
  readonly records: number
}

interface Carrying {
  readonly checkpoint: SpoolCheckpoint
  readonly ended: AbortController
  readonly signal: AbortSignal
}

/** Between two looks whether full lanes have room again. */
const fullWaitMs = 100

/** Carries one stream on to the remote engine, in order, with a checkpoint behind what is durable there. */
export class StreamForwarder {
  readonly #stream: string
  readonly #options: ForwarderOptions
  readonly #stats = { records: 0, failures: 0, pending: 0 }
  /** Arrival of the oldest record that was read and is not durable. */
  #waitingSinceMs: number | undefined
  #running: { readonly createdMs: number | undefined; readonly ended: AbortController } | undefined

  constructor(stream: string, options: ForwarderOptions) {
    this.#stream = stream
    this.#options = options
  }

  stats(): StreamForwarderStats {
    const { records, failures } = this.#stats
    const nowMs = this.#options.clock.wallMs()
    const behindMs = Math.max(0, nowMs - (this.#waitingSinceMs ?? nowMs))
    return { stream: this.#stream, records, failures, behindMs }
  }

  /** Runs until `signal` aborts or the local stream is gone; failures are logged and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log, local, holds } = this.#options
    const backoff = new Backoff({ firstMs: 500, maxMs: 30_000, random })
    while (!signal.aborted) {
      const before = this.#stats.records
      try {
        await this.#forward(signal)
      } catch (thrown) {
        if (signal.aborted) return
        if (!(await local.streams()).includes(this.#stream)) return holds.forget(this.#stream)
        const error = asHeadwaterError(thrown)
        this.#stats.failures += 1
        this.#waitingSinceMs ??= clock.wallMs()
        log.warn({ stream: this.#stream, error }, 'the spool keeps what it has and tries again')
        if (this.#stats.records > before) backoff.reset()
        await clock.sleep(backoff.next(error.retryAfterMs), signal)
      }
    }
  }

  /** The local stream was resharded, deleted, or made again under the same name. */
  async changed(): Promise<void> {
    const running = this.#running
    if (!running) return
    const now = await this.#options.local.describe(this.#stream).catch(() => undefined)
    if (now?.createdMs !== running.createdMs) running.ended.abort()
  }

  async #forward(signal: AbortSignal): Promise<void> {
    const { local, sharding } = this.#options
    const stream = this.#stream
    const { createdMs } = await local.describe(stream)
    const ended = new AbortController()
    this.#running = { createdMs, ended }
    const checkpoint = new SpoolCheckpoint({ ...this.#options, stream, createdMs })
    const saved = await checkpoint.load()
    await sharding.prepare(stream, undefined)
    const either = AbortSignal.any([signal, ended.signal])
    const reader = new StreamReader(local, {
      stream: this.#stream,
      from: saved === undefined ? 'start' : { checkpoint: saved },
      follow: true,
      maxMarks,
      signal: either
    })
    const saving = checkpoint.keepSaving(ended.signal)
    try {
      await this.#carry(reader, { checkpoint, ended, signal: either })
    } finally {
      ended.abort()
      await saving
    }
  }

  /** Hands what is read to the lanes, a few reads ahead of what is durable. */
  async #carry(reader: StreamReader, { checkpoint, ended, signal }: Carrying): Promise<void> {
    const pending: Promise<void>[] = []
    let before = Promise.resolve()
    try {
      for await (const records of reader.records()) {
        this.#waitingSinceMs ??= records[0]?.arrivalMs
        this.#stats.pending += 1
        const durable = await this.#hand(records, signal)
        const reading = { durable, behind: reader.checkpoint(), records: records.length }
        before = this.#settle(before, reading, checkpoint)
        before.catch(() => ended.abort())
        pending.push(before)
        if (pending.length >= maxPending) await pending.shift()
      }
      await before
    } finally {
      await Promise.allSettled(pending)
      this.#stats.pending = 0
    }
  }

  /** Resolves when the lanes have taken all of it, with promises that it becomes durable. */
  async #hand(records: readonly UserRecord[], signal: AbortSignal): Promise<Promise<void>[]> {
    const durable: Promise<void>[] = []
    for (const batch of forwardedBatches(records)) {
      const taken = await this.#take(batch, signal)
      taken.durable.catch(() => undefined)
      durable.push(taken.durable)
    }
    return durable
  }

  /** Waits while the lanes are full. */
  async #take(batch: AdmittedBatch, signal: AbortSignal): Promise<{ durable: Promise<void> }> {
    const { sharding, clock } = this.#options
    for (;;) {
      try {
        return sharding.take(batch)
      } catch (thrown) {
        const error = asHeadwaterError(thrown)
        if (!error.retryable || signal.aborted) throw error
        await clock.sleep(error.retryAfterMs ?? fullWaitMs, signal)
      }
    }
  }

  async #settle(
    before: Promise<void>,
    reading: Reading,
    checkpoint: SpoolCheckpoint
  ): Promise<void> {
    await before
    await Promise.all(reading.durable)
    checkpoint.advance(reading.behind)
    this.#stats.records += reading.records
    this.#stats.pending -= 1
    if (this.#stats.pending === 0) this.#waitingSinceMs = undefined
  }
}
