import type { CutEnd } from '../lines/line-cutter.ts'
import { fileCursor, markerCursor, readCursors, removedCursor } from './cursors.ts'
import { FileFinder } from './file-finder.ts'
import { FileOpener } from './file-opener.ts'
import { FileSet } from './file-set.ts'
import { Newcomers } from './newcomers.ts'
import { ProblemReports } from './problem-reports.ts'
import type { TailFile } from './tail-file.ts'
import { TailReader, type TailRunOptions } from './tail-reader.ts'
import { Truncations } from './truncations.ts'

/** A file that was moved aside or deleted gets no more lines when it was quiet for so long. */
const quietMs = 60_000

/** One run of the source, from the cursors to the end, an abort or a failure. */
export class TailRun {
  readonly #options: TailRunOptions
  readonly #reports: ProblemReports
  readonly #files: FileSet
  readonly #opener: FileOpener
  readonly #reader: TailReader
  readonly #newcomers: Newcomers
  readonly #truncations: Truncations
  #scannedMs = 0

  constructor(options: TailRunOptions) {
    const { tail, context, tally } = options
    const { maxFiles, exclude, archives } = tail
    const patterns = typeof tail.tail === 'string' ? [tail.tail] : tail.tail
    const reports = new ProblemReports(context.log, tally)
    const finder = new FileFinder({
      patterns,
      exclude,
      archives,
      maxFiles,
      unreadable: (path, error) => reports.unreadable(path, error)
    })
    this.#options = options
    this.#reports = reports
    this.#files = new FileSet({
      finder,
      maxFiles,
      tooMany: (path) => reports.tooMany(path, maxFiles)
    })
    this.#opener = new FileOpener(reports, context.clock)
    this.#reader = new TailReader(options)
    this.#newcomers = new Newcomers({
      name: context.name,
      files: this.#files,
      opener: this.#opener,
      reader: this.#reader
    })
    this.#truncations = new Truncations({
      files: this.#files,
      finder,
      opener: this.#opener,
      newcomers: this.#newcomers
    })
  }

  get behindBytes(): number {
    let bytes = 0
    for (const file of this.#files) if (!file.copyOf) bytes += file.behindBytes
    return bytes
  }

  /** Reads until the signal aborts or, once, to the end of all files. */
  async run(): Promise<void> {
    const { signal, context, tail } = this.#options
    try {
      await this.#begin()
      while (!signal.aborted) {
        await this.#look()
        if (this.#scanDue()) await this.#recognise(await this.#scan())
        const busy = await this.#drain()
        if (!busy && context.once) return await this.#reader.durable()
        if (!busy) await context.clock.sleep(tail.poll, signal)
        this.#reader.check()
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      await this.#opener.close()
      await this.#reader.close()
    }
  }

  async #begin(): Promise<void> {
    const { context, sink, tail } = this.#options
    const cursors = sink.cursors(context.name)
    const positions = readCursors(context.name, cursors, (cursor, error) =>
      this.#reports.badCursor(cursor, error)
    )
    for (const [key, position] of positions) this.#files.restore(key, position)
    const firstRun = cursors.size === 0
    const arrived = await this.#scan()
    const atEnd = tail.from === 'end' || (tail.from === 'auto' && firstRun && !context.once)
    const old = arrived.filter((file) => atEnd && !this.#files.followsAnother(file))
    const skipped = await this.#newcomers.skipToEnd(old)
    if (firstRun || skipped.length > 0) {
      const ends = skipped.map((file) => fileCursor(context.name, file))
      this.#reader.commit([markerCursor(context.name), ...ends])
    }
    await this.#recognise(arrived.filter((file) => !old.includes(file)))
  }

  async #recognise(arrived: readonly TailFile[]): Promise<void> {
    await this.#newcomers.recogniseAll(arrived)
    // It was moved on since the scan.
    if (arrived.some((file) => file.state.mislaid)) this.#scannedMs = Number.NEGATIVE_INFINITY
    await this.#truncations.settle()
  }

  #scanDue(): boolean {
    return this.#options.context.clock.monoMs() - this.#scannedMs >= this.#options.tail.scan
  }

  async #scan(): Promise<readonly TailFile[]> {
    const { context } = this.#options
    this.#scannedMs = context.clock.monoMs()
    this.#reports.nextScan()
    const { arrived, forgotten } = await this.#files.scan()
    const gone = [...forgotten]
    for (const file of forgotten) await this.#opener.release(file)
    for (const file of this.#files) {
      if (file.isOpen && !file.sighting && !file.canCut('end') && this.#isQuiet(file)) {
        await this.#opener.release(file)
        if (!file.state.deleted) continue
        gone.push(...this.#files.forgetDeleted(file))
      }
    }
    if (gone.length > 0) this.#reader.commit(gone.map((file) => removedCursor(context.name, file)))
    return arrived
  }

  /** Looks at the files that are open or have changed. */
  async #look(): Promise<void> {
    for (const file of this.#files) {
      if (file.isOpen || (file.state.dirty && file.sighting)) await this.#lookAt(file)
    }
  }

  async #lookAt(file: TailFile): Promise<boolean> {
    const { deleted } = file.state
    const readable = await this.#opener.look(file)
    const { state } = file
    if (state.emptied) {
      // It may hold a copy now, and it may have been copied before, which the next scan finds.
      await this.#newcomers.recognise([file])
    }
    // What came there since may be moved aside or compressed, and its name given on, soon.
    if (state.emptied || state.mislaid || (state.deleted && !deleted)) {
      this.#scannedMs = Number.NEGATIVE_INFINITY
    }
    return readable
  }

  /** Gives every file with something to read one turn after the other; true when any had. */
  async #drain(): Promise<boolean> {
    let any = false
    for (let more = true; more && !this.#options.signal.aborted && !(any && this.#scanDue()); ) {
      more = false
      for (const file of this.#files) {
        const end = this.#endOf(file)
        if (file.state.dirty || !file.canCut(end) || this.#files.mustWait(file)) continue
        if (await this.#turn(file, end)) more = true
      }
      any ||= more
    }
    return any
  }

  async #turn(file: TailFile, end: CutEnd): Promise<boolean> {
    await this.#reader.room()
    // As it is read for the first time, it may have been copied and emptied again unnoticed.
    file.state.emptied ||= file.isUnreadSinceEmptied && file.state.changedSinceScan
    // It may have been emptied and written to since it was looked at.
    if (!(await this.#lookAt(file))) return false
    if (file.state.emptied) return true
    try {
      const quiet = this.#options.context.once || this.#isQuiet(file)
      if (!(await this.#newcomers.settle(file, { quiet }))) return false
      return await this.#reader.turn(file, end)
    } catch (error) {
      this.#reader.check()
      await this.#opener.setAside(file, error)
      return false
    }
  }

  #endOf(file: TailFile): CutEnd {
    const { context, tail } = this.#options
    if (context.once) return 'end'
    const movedAside = file.state.deleted || !file.sighting?.matched
    if (movedAside && this.#isQuiet(file)) return 'end'
    const quiet = context.clock.monoMs() - file.state.changedMs
    return tail.multiline && quiet >= tail.multiline.maxWait ? 'idle' : 'more'
  }

  #isQuiet(file: TailFile): boolean {
    return this.#options.context.clock.monoMs() - file.state.changedMs >= quietMs
  }
}
