import { type FileHandle, open } from 'node:fs/promises'
import { asHeadwaterError, HeadwaterError } from '../../../shared/errors.ts'
import type { Appender } from '../../buffer/buffer.ts'
import { InFlight } from '../in-flight.ts'
import { noRecords } from '../lines/cut-columns.ts'
import type { SourceContext } from '../source.ts'
import type { Tally } from '../tally.ts'
import { WindDown } from '../wind-down.ts'
import { EpochReader } from './epoch-reader.ts'
import { decodeFilePosition, encodeFilePosition, type FilePosition } from './file-cursor.ts'
import { fixColumns, originOf } from './fix-columns.ts'
import type { KeptFix } from './fix-filter.ts'
import type { GpsOptions } from './gps-options.ts'

const chunkBytes = 64 * 1024

/** How often a file is looked at for more. */
const pollMs = 1000

/** Polls without anything new after which the last epoch is taken to be complete. */
const quietPolls = 5

/** How long the buffer may take for what was read when the run ends; the rest is read again. */
const graceMs = 2000

export interface FileRunOptions {
  readonly path: string
  readonly gps: GpsOptions
  readonly context: SourceContext
  readonly tally: Tally
  readonly sink: Appender
  readonly signal: AbortSignal
}

/** One run over a file of NMEA, from its cursor on: to the end with `once`, else as it grows. */
export class FileRun {
  readonly #options: FileRunOptions
  readonly #inFlight = new InFlight({ bytes: 4 * chunkBytes, count: 64 })
  readonly #windDown: WindDown
  readonly #buffer = Buffer.allocUnsafeSlow(chunkBytes)
  #reader: EpochReader
  #isMissing = false

  constructor(options: FileRunOptions) {
    this.#options = options
    this.#reader = this.#readerFrom(this.#cursor())
    this.#windDown = new WindDown({ ...options, graceMs })
  }

  async run(): Promise<void> {
    const { context, signal } = this.#options
    try {
      for (let quiet = 0; !signal.aborted; ) {
        quiet = (await this.#readOn()) ? 0 : quiet + 1
        if (quiet === quietPolls || context.once)
          this.#append(this.#reader.flush(context.clock.wallMs()))
        if (context.once) break
        await context.clock.sleep(pollMs, signal)
      }
      // Nobody is to wait for the commit age of the last fixes.
      this.#append([], { isLast: true })
      await this.#inFlight.durable()
    } finally {
      if (!this.#inFlight.empty) this.#windDown.begin()
      await this.#inFlight.settled()
      this.#windDown.close()
    }
  }

  /** Reads what there is now; resolves with false when there was nothing new. */
  async #readOn(): Promise<boolean> {
    const file = await this.#open()
    if (!file) return false
    try {
      const { size, dev, ino } = await file.stat()
      this.#follow(`${dev}-${ino}`, size)
      let grew = false
      while (!this.#options.signal.aborted && (await this.#readChunk(file, size))) grew = true
      return grew
    } finally {
      await file.close()
    }
  }

  async #readChunk(file: FileHandle, size: number): Promise<boolean> {
    const { once, clock } = this.#options.context
    const { offset } = this.#reader
    await this.#inFlight.room()
    const length = Math.min(chunkBytes, size - offset)
    const { bytesRead } = await file.read(this.#buffer, 0, length, offset)
    const end = once && offset + bytesRead >= size ? 'end' : 'more'
    this.#append(this.#reader.take(this.#buffer.subarray(0, bytesRead), end, clock.wallMs()))
    return this.#reader.offset > offset
  }

  async #open(): Promise<FileHandle | undefined> {
    const { path, context, tally } = this.#options
    try {
      const file = await open(path)
      this.#isMissing = false
      return file
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      const message = `source ${context.name}: ${path} cannot be read: ${why}`
      const error = new HeadwaterError('no_input', message, { cause })
      if (context.once) throw error
      tally.problem('unreadable_file')
      if (!this.#isMissing) context.log.warn({ error }, 'a file cannot be read; tried again')
      this.#isMissing = true
      return undefined
    }
  }

  /** Another file, or one that was emptied, is read from its start. */
  #follow(file: string, size: number): void {
    const { file: before, offset } = this.#reader.position
    if (file === before && size >= offset) return
    this.#append(this.#reader.flush(this.#options.context.clock.wallMs()))
    this.#reader = this.#readerFrom({ file, offset: 0 })
  }

  #append(fixes: readonly KeptFix[], { isLast = false } = {}): void {
    const { context, tally, sink } = this.#options
    if (fixes.length === 0 && !isLast) return
    const { name, stream, partitionKey } = context
    // A failure since the last `room` leaves a gap that this cursor must not cover.
    this.#inFlight.check()
    const records = fixes.length > 0 ? fixColumns(fixes, partitionKey) : noRecords(partitionKey)
    const cursors = [{ source: name, position: encodeFilePosition(this.#reader.position) }]
    tally.took(records)
    const chunk = { stream, records, cursors, urgent: isLast, times: originOf(fixes) }
    this.#inFlight.add(records.data.length, sink.append(chunk, this.#windDown.signal))
  }

  #readerFrom(from: FilePosition): EpochReader {
    const { gps, tally } = this.#options
    return new EpochReader({ gps, tally, from })
  }

  /** Where an earlier run ended. One that cannot be understood: the start, since loss is worse than a repeat. */
  #cursor(): FilePosition {
    const { sink, context, tally } = this.#options
    const start = { file: '', offset: 0 }
    const bytes = sink.cursors(context.name).get(context.name)
    if (!bytes) return start
    try {
      return decodeFilePosition(bytes)
    } catch (error) {
      if (asHeadwaterError(error).code === 'store_too_new') throw error
      tally.problem('unreadable_cursor')
      context.log.warn({ error }, 'a cursor cannot be read; its file is read from the start')
      return start
    }
  }
}
