import { asHeadwaterError, HeadwaterError } from '../../../shared/errors.ts'
import type { RecordColumns } from '../../../shared/record.ts'
import type { Appender } from '../../buffer/buffer.ts'
import { InFlight } from '../in-flight.ts'
import { noRecords } from '../lines/cut-columns.ts'
import type { SourceContext } from '../source.ts'
import type { Tally } from '../tally.ts'
import { WindDown } from '../wind-down.ts'
import { type EntryCut, EntryCutter } from './entry-cutter.ts'
import type { JournalProcess } from './journal-process.ts'
import { type Extent, journalctl, type Start } from './journalctl.ts'
import type { JournaldOptions } from './journald-options.ts'
import { decodePosition, encodePosition, type Position } from './position.ts'

/** How long the buffer may take for what was read when the run ends; the rest is read again. */
const graceMs = 2000

export interface JournalRunOptions {
  readonly journald: JournaldOptions
  readonly context: SourceContext
  readonly tally: Tally
  readonly journal: JournalProcess
  readonly sink: Appender
  readonly signal: AbortSignal
}

/** One run of the source, from its cursor to the end, an abort or a failure. */
export class JournalRun {
  readonly #options: JournalRunOptions
  readonly #inFlight = new InFlight({ bytes: 1024 * 1024, count: 256 })
  readonly #windDown: WindDown
  /** Aborts when an append was rejected, so that nothing waits for more entries then. */
  readonly #failing = new AbortController()
  readonly #ending: AbortSignal
  /** Where the next journalctl begins. */
  #start: Start = {}

  constructor(options: JournalRunOptions) {
    this.#options = options
    this.#windDown = new WindDown({ ...options, graceMs })
    this.#ending = AbortSignal.any([options.signal, this.#failing.signal])
  }

  /** Reads until the signal aborts or, once, to the end of the journal. */
  async run(): Promise<void> {
    const { signal, context } = this.#options
    try {
      await this.#begin()
      // First all there is, since following shows the current boot alone.
      await this.#read('present')
      if (context.once) return await this.#durable()
      await this.#read('following')
      if (!signal.aborted) {
        throw new HeadwaterError('unavailable', 'journalctl ended although it was to go on')
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      await this.#close()
    }
  }

  async #begin(): Promise<void> {
    const { context, journald, sink } = this.#options
    const saved = sink.cursors(context.name).get(context.name)
    if (saved) {
      this.#start = this.#restore(saved)
      return
    }
    const { from } = journald
    if (typeof from === 'number') {
      this.#start = { sinceMs: context.clock.wallMs() - from }
    } else if (from === 'end' || (from === 'auto' && !context.once)) {
      await this.#beginAtEnd()
    }
  }

  #restore(saved: Buffer): Position {
    try {
      return decodePosition(saved)
    } catch (error) {
      if (asHeadwaterError(error).code === 'store_too_new') throw error
      this.#options.tally.problem('bad_cursor')
      this.#options.context.log.error({ error }, 'a cursor is damaged; all of the journal is read')
      return {}
    }
  }

  async #beginAtEnd(): Promise<void> {
    const { journald, journal } = this.#options
    let end: Position = {}
    const take = async (bytes: Buffer) => {
      const { consumed, last } = cutter.cut(bytes)
      if (last !== undefined) end = { cursor: last }
      return bytes.subarray(consumed)
    }
    const cutter = this.#cutter()
    await journal.read(journalctl(journald, 'last'), take, this.#ending)
    if (this.#ending.aborted) return
    this.#start = end
    this.#append(noRecords(this.#options.context.partitionKey))
  }

  async #read(extent: Extent): Promise<void> {
    if (this.#ending.aborted) return this.#inFlight.check()
    const { journald, journal } = this.#options
    const { cursor } = this.#start
    const cutter = this.#cutter()
    let isFirst = true
    const take = async (bytes: Buffer) => {
      let rest = bytes
      for (;;) {
        this.#inFlight.check()
        const cut = cutter.cut(rest)
        if (cut.consumed === 0) return rest
        rest = rest.subarray(cut.consumed)
        this.#options.tally.problem('unreadable_entry', cut.unreadable)
        if (!cut.records) continue
        await this.#inFlight.room()
        const known = isFirst && cursor !== undefined && cut.first === cursor
        if (isFirst && cursor !== undefined && !known && extent === 'present') this.#lost(cursor)
        isFirst = false
        this.#take(known ? withoutFirst(cut) : cut)
      }
    }
    await journal.read(journalctl(journald, extent, this.#start), take, this.#ending)
    this.#inFlight.check()
  }

  #take({ records, last }: EntryCut): void {
    if (!records || records.lens.length === 0) return
    const { tally } = this.#options
    tally.took(records)
    if (records.attributes) tally.problem('cut_record')
    if (last !== undefined) this.#start = { cursor: last }
    this.#append(records)
  }

  /** With the cursor behind the records; without any the cursor alone, at once. */
  #append(records: RecordColumns): void {
    const { sink, context } = this.#options
    const { name, stream } = context
    const { cursor } = this.#start
    const position = encodePosition(cursor === undefined ? {} : { cursor })
    const urgent = records.lens.length === 0
    const cursors = [{ source: name, position }]
    const chunk = { stream, records, cursors, urgent, times: 'own' as const }
    const appended = sink.append(chunk, this.#windDown.signal)
    appended.catch(() => this.#failing.abort())
    this.#inFlight.add(records.data.length, appended)
  }

  #lost(cursor: string): void {
    const { tally, context } = this.#options
    tally.problem('lost_cursor')
    context.log.warn(
      { cursor },
      'the entry that was read last is not in the journal any more; the next newer one follows, and some between may be gone'
    )
  }

  #cutter(): EntryCutter {
    const { journald, context } = this.#options
    return new EntryCutter({
      maxRecordBytes: journald.maxRecord,
      partitionKey: context.partitionKey
    })
  }

  async #durable(): Promise<void> {
    // Nobody is to wait for the commit age of the last entries.
    if (!this.#inFlight.empty) this.#append(noRecords(this.#options.context.partitionKey))
    await this.#inFlight.durable()
  }

  async #close(): Promise<void> {
    if (!this.#inFlight.empty) this.#windDown.begin()
    await this.#inFlight.settled()
    this.#windDown.close()
  }
}

function withoutFirst({ records, ...rest }: EntryCut): EntryCut {
  if (!records) return rest
  const [length = 0] = records.lens
  return {
    ...rest,
    records: {
      keys: records.keys,
      times: records.times.subarray(1),
      lens: records.lens.subarray(1),
      data: records.data.subarray(length)
    }
  }
}
