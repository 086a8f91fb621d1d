import type { Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import type { PutEntry, PutOutcome, StreamEngine } from '../engines/engine.ts'
import type { Lane } from './lane.ts'
import { entryBytes, type Parcel, type PutLimit } from './parcel.ts'
import { PutTrouble } from './put-trouble.ts'

export interface DispatcherOptions {
  readonly engine: StreamEngine
  readonly stream: string
  readonly clock: Clock
  readonly log: Log
  /** Limits of one put. */
  readonly limit: PutLimit
  /** Ends puts that are under way when the program stops. */
  readonly signal: AbortSignal
}

interface Departure {
  readonly lane: Lane
  readonly parcels: readonly Parcel[]
}

/** Puts what the lanes of one stream have ready; lanes that are ready together share a put. */
export class Dispatcher {
  readonly #options: DispatcherOptions
  readonly #trouble: PutTrouble
  #ready: Lane[] = []

  constructor(options: DispatcherOptions) {
    this.#options = options
    this.#trouble = new PutTrouble(options)
  }

  /** Why the engine does not store what it is given; undefined when it does. */
  get trouble(): string | undefined {
    return this.#trouble.reason
  }

  /** The lane departs when what runs now has come to its end. */
  offer(lane: Lane): void {
    this.#ready.push(lane)
    if (this.#ready.length === 1) queueMicrotask(() => this.#depart())
  }

  #depart(): void {
    const { limit } = this.#options
    const lanes = this.#ready
    this.#ready = []
    let group: Departure[] = []
    let entries = 0
    let bytes = 0
    for (const lane of lanes) {
      const parcels = lane.depart()
      if (parcels.length === 0) continue
      const more = parcels.reduce((sum, parcel) => sum + entryBytes(parcel), 0)
      const over = entries + parcels.length > limit.entries || bytes + more > limit.bytes
      if (over && group.length > 0) {
        void this.#put(group)
        group = []
        entries = 0
        bytes = 0
      }
      group.push({ lane, parcels })
      entries += parcels.length
      bytes += more
    }
    if (group.length > 0) void this.#put(group)
  }

  async #put(group: readonly Departure[]): Promise<void> {
    const { engine, stream, signal } = this.#options
    const entries = group.flatMap(({ lane, parcels }) =>
      parcels.map((parcel) => entryOf(lane, parcel, engine.keepsMarks))
    )
    let outcomes: readonly PutOutcome[]
    try {
      outcomes = await engine.put(stream, entries, signal)
      this.#note(outcomes)
    } catch (error) {
      if (!signal.aborted) this.#trouble.note({ error })
      outcomes = entries.map(() => nothingKnown)
    }
    let at = 0
    for (const { lane, parcels } of group) {
      lane.arrive(outcomes.slice(at, at + parcels.length))
      at += parcels.length
    }
  }

  #note(outcomes: readonly PutOutcome[]): void {
    const failed = outcomes.find((one) => one.status === 'failed' && one.retryable)
    if (failed?.status === 'failed') this.#trouble.note({ reason: failed.message })
    else if (outcomes.some(({ status }) => status === 'stored')) this.#trouble.over()
  }
}

const nothingKnown: PutOutcome = {
  status: 'failed',
  message: 'nothing is known of this put',
  retryable: true
}

function entryOf(lane: Lane, parcel: Parcel, withMarks: boolean): PutEntry {
  return {
    shard: lane.shard.id,
    partitionKey: parcel.partitionKey,
    hashKey: parcel.hashKey,
    data: parcel.data,
    marks: withMarks ? parcel.marks : []
  }
}
