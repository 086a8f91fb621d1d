import { asHeadwaterError, HeadwaterError } from '../../../shared/errors.ts'
import type { Log } from '../../../shared/log.ts'
import type { Block } from './block.ts'
import { openChecked } from './open-checked.ts'
import { salvageSegment } from './salvage.ts'
import { endSalvages, fileBytes, listSegments, removeStore, segmentPath } from './segment-files.ts'
import type { SegmentReader } from './segment-reader.ts'
import { SegmentReaders } from './segment-readers.ts'
import { type SnapshotEntry, SegmentWriter } from './segment-writer.ts'

/** The segments of one stream, oldest first. All calls but `read` must not overlap. */
export class SegmentRow {
  readonly #directory: string
  readonly #log: Log
  readonly #readers: SegmentReaders
  /** First sequence index of each segment, rising, with the bytes of those that are complete. */
  readonly #segments = new Map<number, number>()
  /** Of the newest segment; undefined after a failure, and before there is one. */
  #writer: SegmentWriter | undefined
  /** Of the segment before the newest: its log is moved into the file while the next takes commits. */
  #sealing: Promise<void> = Promise.resolve()
  /** Segments that were found damaged in this life. */
  salvaged = 0

  private constructor(directory: string, log: Log) {
    this.#directory = directory
    this.#log = log
    this.#readers = new SegmentReaders(log)
  }

  /** `check`: the last life did not end well, so the newest file is read as a whole. */
  static async open(directory: string, log: Log, check: boolean): Promise<SegmentRow> {
    const row = new SegmentRow(directory, log)
    await endSalvages(directory)
    for (const first of await listSegments(directory)) {
      row.#segments.set(first, await fileBytes(row.#path(first)))
    }
    try {
      await row.#openWriter(check)
      await row.#endSealing(check)
      return row
    } catch (thrown) {
      await row.close()
      throw thrown
    }
  }

  /** First sequence index of each segment, rising. */
  get firsts(): readonly number[] {
    return [...this.#segments.keys()]
  }

  /** Whether there is a segment to append to; if not, `reopen` or `roll` first. */
  get writable(): boolean {
    return this.#writer !== undefined
  }

  /** Bytes of the files, the newest as it was when it was opened. */
  get bytes(): number {
    let sum = 0
    for (const bytes of this.#segments.values()) sum += bytes
    return sum
  }

  /** Durable when it resolves. After a rejection call `recover`. */
  append(blocks: readonly Block[]): Promise<void> {
    return this.#requireWriter().append(blocks)
  }

  /** Keeps a copy of something small in the newest segment. */
  putSnapshot(name: string, body: Buffer): Promise<void> {
    return this.#requireWriter().putSnapshot(name, body)
  }

  /** Begins a new segment for sequence indexes from `first` on. */
  async roll(first: number, snapshot: Iterable<SnapshotEntry>): Promise<void> {
    await this.#sealing
    await removeStore(this.#path(first))
    const writer = await SegmentWriter.create(this.#path(first), snapshot)
    this.#sealing = this.#seal(this.#writer, this.#newest())
    this.#segments.set(first, 0)
    this.#writer = writer
  }

  /**
   * After a failed append: opens the newest segment anew, salvages it if it is damaged, makes what
   * is in it durable, and says whether the block at `first` is there. Rejects when that cannot be
   * found out.
   */
  async recover(first: number, isDamaged: boolean): Promise<boolean> {
    await this.#sealing
    await this.#closeWriter()
    const newest = this.#newest()
    if (isDamaged && newest !== undefined) await this.#salvage(newest)
    await this.#openWriter(false)
    if (!this.#writer) return false
    await this.#writer.settle()
    return this.#writer.has(first)
  }

  /** Opens the newest segment if a failure has closed it, and makes what is in it durable. */
  async reopen(): Promise<void> {
    await this.#sealing
    if (!this.#writer) await this.#openWriter(true)
    await this.#writer?.settle()
  }

  /** Sets a damaged segment aside and puts what can be read of it in its place. */
  async repair(first: number): Promise<void> {
    await this.#sealing
    if (!this.#segments.has(first)) return
    const newest = first === this.#newest()
    if (newest) await this.#closeWriter()
    await this.#salvage(first)
    if (newest) await this.#openWriter(false)
  }

  /** Lends the reader of one segment. Rejects with `not_found` when it has been dropped meanwhile. */
  async read<T>(first: number, work: (reader: SegmentReader) => Promise<T>): Promise<T> {
    if (!this.#segments.has(first)) {
      throw new HeadwaterError('not_found', 'this part of the stream has expired')
    }
    return this.#readers.use(this.#path(first), work)
  }

  /**
   * As `read`, and repairs the segment when it turns out to be damaged; undefined when nothing of
   * it is left.
   */
  async readOrRepair<T>(
    first: number,
    work: (reader: SegmentReader) => Promise<T>
  ): Promise<T | undefined> {
    try {
      return await this.read(first, work)
    } catch (thrown) {
      if (asHeadwaterError(thrown).code !== 'store_corrupt') throw thrown
      await this.repair(first)
      return this.#segments.has(first) ? this.read(first, work) : undefined
    }
  }

  /** Removes the oldest segment, but never the newest. */
  async dropOldest(): Promise<void> {
    const [first] = this.#segments.keys()
    if (first === undefined || this.#segments.size === 1) return
    this.#segments.delete(first)
    await this.#sealing
    await this.#readers.retire(this.#path(first))
    await removeStore(this.#path(first))
  }

  async close(): Promise<void> {
    await this.#readers.close()
    await this.#sealing
    await this.#closeWriter()
  }

  /** Leaves no writer only when no file is left that counts. */
  async #openWriter(check: boolean): Promise<void> {
    for (let first = this.#newest(); first !== undefined; first = this.#newest()) {
      this.#writer = await this.#openSegment(first, check)
      if (this.#writer) return
    }
  }

  /** Ends what a killed process left: segments before the newest with their log still beside them. */
  async #endSealing(check: boolean): Promise<void> {
    for (const first of this.firsts.slice(0, -1)) {
      if ((await fileBytes(`${this.#path(first)}-wal`)) === 0) continue
      const segment = await this.#openSegment(first, check)
      await this.#seal(segment, first)
    }
  }

  /** For writing, mended if it is damaged; undefined when nothing in it counts: it is then gone. */
  async #openSegment(first: number, check: boolean): Promise<SegmentWriter | undefined> {
    const path = this.#path(first)
    while (this.#segments.has(first)) {
      try {
        const writer = await openChecked(path, check)
        if (writer) return writer
        this.#segments.delete(first)
        await removeStore(path)
      } catch (thrown) {
        const error = asHeadwaterError(thrown)
        if (error.code !== 'store_corrupt') throw error
        this.#log.error({ error, path }, 'a segment is damaged')
        await this.#salvage(first)
      }
    }
    return undefined
  }

  /** Closes a segment to which nothing will be added. Never rejects. */
  async #seal(writer: SegmentWriter | undefined, first: number | undefined): Promise<void> {
    // To close it does not move the log while it has an idle reader.
    await writer?.settle().catch(() => undefined)
    await this.#close(writer)
    if (first === undefined) return
    const bytes = await fileBytes(this.#path(first))
    // It may have been dropped meanwhile.
    if (this.#segments.has(first)) this.#segments.set(first, bytes)
  }

  async #salvage(first: number): Promise<void> {
    const path = this.#path(first)
    this.salvaged += 1
    await this.#readers.retire(path)
    const salvage = await salvageSegment(path)
    // Somebody may have begun to read the old file meanwhile.
    await this.#readers.retire(path)
    this.#log.error({ path, ...salvage }, 'a damaged segment was set aside and salvaged')
    if (salvage.blocks === 0) this.#segments.delete(first)
  }

  async #closeWriter(): Promise<void> {
    const writer = this.#writer
    this.#writer = undefined
    await this.#close(writer)
  }

  async #close(writer: SegmentWriter | undefined): Promise<void> {
    await writer?.close().catch((error: unknown) => {
      this.#log.warn({ error, path: writer.path }, 'a segment did not close well')
    })
  }

  #newest(): number | undefined {
    return this.firsts.at(-1)
  }

  #requireWriter(): SegmentWriter {
    if (this.#writer) return this.#writer
    throw new HeadwaterError('unavailable', `${this.#directory}: no segment can be written`)
  }

  #path(first: number): string {
    return segmentPath(this.#directory, first)
  }
}
