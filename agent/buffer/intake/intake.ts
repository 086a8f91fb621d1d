import type { Clock } from '../../../shared/clock.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { Histogram } from '../../../shared/histogram.ts'
import type { Log } from '../../../shared/log.ts'
import type { Random } from '../../../shared/random.ts'
import type { RecordColumns } from '../../../shared/record.ts'
import type { Bell } from '../bell.ts'
import type { DeviceTime, Stamp } from '../../clock/device-time.ts'
import type { Chunk, OverflowPolicy } from '../buffer.ts'
import type { BufferCore } from '../buffer-core.ts'
import { type Compression, chunkParts } from './chunk-parts.ts'
import { Committer } from './committer.ts'
import { lossNotice } from './loss-notice.ts'
import { unknownStream } from '../recovery/lost-records.ts'
import { Entry, Pending } from './pending.ts'
import type { Sequence } from '../sequence.ts'
import type { DataDirectory } from '../store/data-directory.ts'

export interface IntakeOptions {
  readonly device: string
  readonly overflow: (stream: string) => OverflowPolicy
  readonly frameBytes: number
  readonly capBytes: number
  readonly commitAgeMs: number
  readonly compression: Compression
  readonly ringBytes: number
  readonly ringRecords: number
  readonly core: BufferCore
  readonly directory: DataDirectory
  readonly sequence: Sequence
  readonly time: DeviceTime
  readonly bell: Bell
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Streams of one buffer; more come from names that somebody makes up. */
const maxStreams = 10_000

/** With so much waiting for the disk, appends are refused at once instead of waiting, too. */
const maxWaitingBytes = 16 * 1024 * 1024
const maxWaitingAppends = 100_000

/** One append may take so much of the cap. */
const maxCapPart = 0.5

/** The sources' side of the buffer: cuts chunks into parts and queues them for their row. */
export class Intake {
  readonly commit = new Histogram()
  readonly #options: IntakeOptions
  readonly #gatherings: Readonly<Record<OverflowPolicy, Gathering>>
  readonly #policies = new Map<string, OverflowPolicy>()
  /** When records were offered that were refused: their times are of then, when they come again. */
  readonly #refused = new WeakMap<RecordColumns, Stamp>()
  #appended = 0
  #stopping = false

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#gatherings = {
      'drop-oldest': this.#gathering('drop-oldest'),
      block: this.#gathering('block')
    }
  }

  get appended(): number {
    return this.#appended
  }

  get mode(): 'disk' | 'memory' {
    const memory = Object.values(this.#gatherings).some(
      ({ committer }) => committer.mode === 'memory'
    )
    return memory ? 'memory' : 'disk'
  }

  get ringRecords(): number {
    return Object.values(this.#gatherings).reduce(
      (sum, { pending }) => sum + pending.ringRecords,
      0
    )
  }

  async append(chunk: Chunk, signal?: AbortSignal): Promise<void> {
    const stamp = this.#refused.get(chunk.records) ?? this.#options.time.now()
    try {
      await this.#append(chunk, stamp, signal)
    } catch (error) {
      this.#refused.set(chunk.records, stamp)
      throw error
    }
  }

  async #append(chunk: Chunk, stamp: Stamp, signal?: AbortSignal): Promise<void> {
    const { frameBytes, compression, clock } = this.#options
    const parts = chunkParts(chunk, { frameBytes, compression, stamp })
    const { pending, committer } = this.#gatherings[this.#policyOf(chunk.stream)]
    const entry = new Entry({
      parts,
      cursors: (chunk.cursors ?? []).map(({ source, position }) => ({
        source,
        position: Buffer.from(position)
      })),
      urgent: chunk.urgent ?? false,
      volatile: chunk.volatile ?? false,
      atMs: clock.monoMs()
    })
    this.#admit(entry, pending, signal)
    const giveUp = () => {
      const error = new HeadwaterError('store_full', 'given up before it was known to be durable')
      if (pending.remove(entry)) entry.refuse(error)
      else entry.giveUp(error)
    }
    signal?.addEventListener('abort', giveUp)
    committer.append(entry)
    try {
      await entry.settled
    } finally {
      signal?.removeEventListener('abort', giveUp)
    }
  }

  /** Room may have come. */
  nudge(): void {
    for (const { committer } of Object.values(this.#gatherings)) committer.nudge()
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.#stopping = true
    await Promise.all(
      Object.values(this.#gatherings).map(({ committer }) => committer.stop(deadline))
    )
  }

  #admit({ bytes, content }: Entry, pending: Pending, signal: AbortSignal | undefined): void {
    const { capBytes } = this.#options
    if (this.#stopping || signal?.aborted) {
      throw new HeadwaterError('store_full', 'the buffer takes nothing more: it is being stopped')
    }
    if (bytes > maxCapPart * capBytes) {
      throw new HeadwaterError(
        'too_large',
        `${bytes} bytes in one append, and the cap of the buffer is ${capBytes}; raise the cap`
      )
    }
    if (pending.size === 0 || content.volatile) return
    if (pending.bytes + bytes <= maxWaitingBytes && pending.size < maxWaitingAppends) return
    throw new HeadwaterError('store_full', `${pending.bytes} bytes wait for the disk already`)
  }

  /** Fixed for the life of the buffer: the numbers of a stream belong to one row. */
  #policyOf(stream: string): OverflowPolicy {
    const known = this.#policies.get(stream)
    if (known) return known
    if (this.#policies.size >= maxStreams) {
      throw new HeadwaterError('invalid', `more than ${maxStreams} streams in one buffer`)
    }
    const policy = this.#options.overflow(stream)
    this.#policies.set(stream, policy)
    return policy
  }

  #gathering(policy: OverflowPolicy): Gathering {
    const { core, directory, sequence, bell, ringBytes, ringRecords, frameBytes } = this.#options
    const lost = ({ content }: Entry) => {
      for (const { stream, records } of content.parts) {
        core.ledger.note({ stream, reason: 'ring_overflow', records })
      }
    }
    const pending = new Pending({ bytes: ringBytes, records: ringRecords }, lost)
    const committer = new Committer({
      ...this.#options,
      row: core.rows[policy],
      writable: () => core.writable(directory),
      pending,
      commitBytes: frameBytes,
      notices: () => this.#notices(policy),
      renewEpoch: () => sequence.renew(),
      committed: (records) => {
        this.#appended += records
        bell.ring()
      },
      lost,
      histogram: this.commit
    })
    committer.start()
    return { pending, committer }
  }

  #notices(policy: OverflowPolicy) {
    const { core, clock, device, time, compression } = this.#options
    const nowMs = clock.monoMs()
    const ofRow = (stream: string) =>
      stream !== unknownStream && this.#options.overflow(stream) === policy
    const due = core.ledger.dueNotices(ofRow, nowMs)
    const stamp = time.now()
    return {
      parts: due.map((loss) => lossNotice(loss, { device, stamp, compression })),
      done: () => core.ledger.noticed(due, nowMs)
    }
  }
}

interface Gathering {
  readonly pending: Pending
  readonly committer: Committer
}
