import type { CutEnd } from '../lines/line-cutter.ts'
import { kinship, mayBeCopy, settledPosition } from './copies.ts'
import { fileCursor, markerCursor, readCursors, removedCursor } from './cursors.ts'
import { endPosition } from './end-position.ts'
import { FileFinder } from './file-finder.ts'
import { FileSet } from './file-set.ts'
import { HandlePool } from './handle-pool.ts'
import { ProblemReports } from './problem-reports.ts'
import type { TailFile } from './tail-file.ts'
import { TailReader, type TailRunOptions } from './tail-reader.ts'

const maxOpenFiles = 64

/** A file that was moved aside or deleted gets no more lines when it was quiet for so long. */
const quietMs = 60_000

/** One run of the source, from the cursors to the end, an abort or a failure. */
export class TailRun {
  readonly #options: TailRunOptions
  readonly #files: FileSet
  readonly #reader: TailReader
  readonly #pool = new HandlePool(maxOpenFiles)
  readonly #reports: ProblemReports
  #scannedMs = 0

  constructor(options: TailRunOptions) {
    this.#options = options
    const { tail, context, tally } = options
    const { maxFiles, exclude } = tail
    const patterns = typeof tail.tail === 'string' ? [tail.tail] : tail.tail
    const reports = new ProblemReports(context.log, tally)
    this.#reports = reports
    this.#reader = new TailReader(options)
    this.#files = new FileSet({
      finder: new FileFinder({
        patterns,
        exclude,
        maxFiles,
        unreadable: (path, error) => reports.unreadable(path, error)
      }),
      maxFiles,
      tooMany: (path) => reports.tooMany(path, maxFiles)
    })
  }

  get behindBytes(): number {
    let bytes = 0
    for (const file of this.#files) bytes += file.behindBytes
    return bytes
  }

  /** Reads until the signal aborts or, once, to the end of all files. */
  async run(): Promise<void> {
    const { signal, context, tail } = this.#options
    try {
      await this.#begin()
      while (!signal.aborted) {
        await this.#look()
        if (await this.#drain()) continue
        if (context.once) return await this.#reader.durable()
        await context.clock.sleep(tail.poll, signal)
        this.#reader.check()
        if (this.#scanDue()) await this.#scan()
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      await this.#pool.close()
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
    const skipped: TailFile[] = []
    for (const file of atEnd ? arrived : []) {
      if (await this.#open(file)) {
        const read = (offset: number, length: number) => file.read(offset, length)
        file.moveTo(await endPosition(read, file.home, file.state.size))
        skipped.push(file)
      }
    }
    if (firstRun || skipped.length > 0) {
      const ends = skipped.map((file) => fileCursor(context.name, file))
      this.#reader.commit([markerCursor(context.name), ...ends])
    }
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
    for (const file of this.#files) {
      if (file.isOpen && !file.sighting && !file.canCut('end') && this.#isQuiet(file)) {
        await this.#pool.release(file)
        if (!file.state.deleted) continue
        this.#files.forget(file)
        gone.push(file)
      }
    }
    if (gone.length > 0) this.#reader.commit(gone.map((file) => removedCursor(context.name, file)))
    return arrived
  }

  /** Looks at the files that are open or have changed. */
  async #look(): Promise<void> {
    for (const file of this.#files) {
      if (file.isOpen || (file.state.dirty && file.sighting)) await this.#open(file)
    }
  }

  /** Opens a file and learns its size. Resolves with false when it cannot be read now. */
  async #open(file: TailFile): Promise<boolean> {
    try {
      if (!(await this.#pool.use(file))) return false
      const before = file.position
      const change = await file.look(this.#options.context.clock.monoMs())
      if (change === 'rewritten' || change === 'rewound') {
        this.#reports.changed(file, { change, from: before.offset })
      }
      this.#reports.readable(file)
      return true
    } catch (error) {
      await this.#setAside(file, error)
      return false
    }
  }

  /** The file cannot be read now; the next scan tries again. */
  async #setAside(file: TailFile, error: unknown): Promise<void> {
    await this.#pool.release(file)
    Object.assign(file.state, { dirty: false, mtimeMs: -1 })
    this.#reports.failed(file, error)
  }

  /** Gives every file with something to read one turn after the other; true when any had. */
  async #drain(): Promise<boolean> {
    let any = false
    for (let more = true; more && !this.#options.signal.aborted; ) {
      more = false
      for (const file of this.#files) {
        const end = this.#endOf(file)
        if (file.state.dirty || !file.canCut(end) || this.#files.mustWait(file)) continue
        if (await this.#turn(file, end)) more = true
      }
      any ||= more
      if (any && this.#scanDue()) {
        await this.#scan()
        break
      }
    }
    return any
  }

  async #turn(file: TailFile, end: CutEnd): Promise<boolean> {
    await this.#reader.room()
    if (!file.isOpen && !(await this.#open(file))) return false
    try {
      return await this.#reader.turn(file, end)
    } catch (error) {
      await this.#setAside(file, error)
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
