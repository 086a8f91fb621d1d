import { ColumnsBuilder } from '../../shared/columns-builder.ts'
import type { TimeOrigin } from '../buffer/buffer.ts'
import { type Attributes, type RecordColumns, recordLimits } from '../../shared/record.ts'

/** What a record costs in memory beside its data, roughly. Bytes. */
const overheadBytes = 128

export interface InboxRecord {
  readonly data: Uint8Array
  readonly partitionKey: string
  readonly time: number
  /** The time came with it. */
  readonly hasOwnTime?: boolean
  readonly attributes?: Attributes | undefined
}

interface InboxOptions {
  /** Of a chunk without records. */
  readonly partitionKey: string
  readonly maxBytes: number
  readonly maxRecords: number
}

/**
 * Records that come one by one, gathered until the one who appends takes them all. It says when it
 * is full and leaves it to those who fill it to wait for room or to drop. At most one waits for
 * records, any number for room.
 */
export class Inbox {
  readonly #options: InboxOptions
  #records: ColumnsBuilder
  #bytes = 0
  /** Where the times come from: of the records that wait, and of those last taken. */
  #times: TimeOrigin = 'clock'
  #takenTimes: TimeOrigin = 'clock'
  #ended = false
  #wakeTaker: (() => void) | undefined
  #wakeGivers: (() => void)[] = []

  constructor(options: InboxOptions) {
    this.#options = options
    this.#records = this.#empty()
  }

  /** Of the records that were not taken, with what they cost beside their data. */
  get bytes(): number {
    return this.#bytes
  }

  /** Of the records that were last taken; one time of its own is enough. */
  get takenTimes(): TimeOrigin {
    return this.#takenTimes
  }

  get count(): number {
    return this.#records.count
  }

  /** Whoever adds has to wait; nobody any more once it has ended. */
  get full(): boolean {
    const { maxBytes, maxRecords } = this.#options
    return !this.#ended && (this.#bytes >= maxBytes || this.count >= maxRecords)
  }

  /**
   * Whoever adds has looked at `full` and goes over it by what one read holds at most. Returns
   * false, and keeps nothing, when it has ended or can hold no more at all.
   */
  add({ data, hasOwnTime = false, ...about }: InboxRecord): boolean {
    if (this.#ended || this.count >= recordLimits.batchRecords) return false
    this.#records.add(data, about)
    this.#bytes += data.length + overheadBytes
    if (hasOwnTime) this.#times = 'own'
    this.#wakeTaker?.()
    return true
  }

  /**
   * Resolves when it is not full, or has ended. Others that waited may fill it before the caller
   * goes on, so one of many looks at `full` again.
   */
  async room(): Promise<void> {
    while (this.full) {
      await new Promise<void>((resolve) => {
        this.#wakeGivers.push(resolve)
      })
    }
  }

  /** Resolves with all there is; undefined when it has ended and is empty, or `signal` aborts. */
  async take(signal: AbortSignal): Promise<RecordColumns | undefined> {
    while (this.count === 0) {
      if (this.#ended || signal.aborted) return undefined
      await this.#added(signal)
    }
    const records = this.#records.build()
    this.#records = this.#empty()
    this.#bytes = 0
    this.#takenTimes = this.#times
    this.#times = 'clock'
    this.#letGiversGo()
    return records
  }

  /** Nothing more is added; what there is can still be taken. */
  end(): void {
    this.#ended = true
    this.#wakeTaker?.()
    this.#letGiversGo()
  }

  #added(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake)
        this.#wakeTaker = undefined
        resolve()
      }
      signal.addEventListener('abort', wake)
      this.#wakeTaker = wake
    })
  }

  #letGiversGo(): void {
    const givers = this.#wakeGivers
    this.#wakeGivers = []
    for (const wake of givers) wake()
  }

  #empty(): ColumnsBuilder {
    return new ColumnsBuilder({ partitionKey: this.#options.partitionKey, time: 0 })
  }
}
