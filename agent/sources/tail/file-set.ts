import { type FileFinder, isRotationOf, type Sighting } from './file-finder.ts'
import { type Position, startOf } from './position.ts'
import { TailFile } from './tail-file.ts'

/** Positions of files that no path leads to are kept, since a disk may be mounted later; this many. */
const maxMissing = 256

export interface FileSetOptions {
  readonly finder: FileFinder
  readonly maxFiles: number
  /** Called for each file that is passed over because there are `maxFiles` already. */
  readonly tooMany: (path: string) => void
}

/** What a scan changed. */
export interface Scanned {
  /** Files not known before, in the order in which they are to be read. */
  readonly arrived: readonly TailFile[]
  /** Files whose position is not worth keeping any more. */
  readonly forgotten: readonly TailFile[]
}

/**
 * The files that are followed, by device and inode. Rotation is seen here: a file that left its home
 * is looked for beside it, files that were made meanwhile join in, and what comes after a file at
 * the same home waits until that one is drained.
 */
export class FileSet {
  readonly #options: FileSetOptions
  readonly #files = new Map<string, TailFile>()
  #nextRank = 0

  constructor(options: FileSetOptions) {
    this.#options = options
  }

  [Symbol.iterator](): Iterator<TailFile> {
    return this.#files.values()
  }

  get(key: string): TailFile | undefined {
    return this.#files.get(key)
  }

  /** A file of an earlier life of the source. */
  restore(key: string, position: Position): void {
    this.#files.set(key, new TailFile(key, this.#nextRank++, position))
  }

  forget(file: TailFile): void {
    this.#files.delete(file.key)
  }

  /** Has a file wait for all that are known of its home. */
  putLast(file: TailFile): void {
    file.rank = this.#nextRank++
    file.state.waits = true
  }

  /** The file that comes last before this one at the same home. */
  lastBefore(file: TailFile): TailFile | undefined {
    let last: TailFile | undefined
    for (const other of this.#files.values()) {
      const older = other.home === file.home && other.rank < file.rank
      if (older && (!last || other.rank > last.rank)) last = other
    }
    return last
  }

  /** Whether an older file of the same home is known, which this one goes on from. */
  followsAnother(file: TailFile): boolean {
    return this.lastBefore(file) !== undefined
  }

  /** Whether an older file of the same home still has something to read, or may be found to. */
  mustWait(file: TailFile): boolean {
    if (file.state.emptied) return true
    if (!file.state.waits) return false
    for (const other of this.#files.values()) {
      const older = other.home === file.home && other.rank < file.rank
      const readable = (other.isOpen || other.sighting) && other.state.problem === ''
      if (older && readable && !other.copyOf && !other.drained) return true
    }
    file.state.waits = false
    return false
  }

  /** Follows a file that was not known, from its start; undefined when there are too many. */
  admit(sighting: Sighting, home: string): TailFile | undefined {
    if (this.#files.size >= this.#options.maxFiles) {
      this.#options.tooMany(sighting.path)
      return undefined
    }
    const { key, madeMs } = sighting
    const file = new TailFile(key, this.#nextRank++, startOf({ home, madeMs }))
    file.sighted(sighting)
    file.state.waits = true
    this.#files.set(key, file)
    return file
  }

  async scan(): Promise<Scanned> {
    const newcomers = await this.#options.finder.matched()
    const lost: TailFile[] = []
    const left: Departure[] = []
    for (const file of this.#files.values()) {
      const sighting = newcomers.get(file.key)
      if (sighting) note(file, sighting, left)
      else lost.push(file)
      newcomers.delete(file.key)
    }
    if (lost.length > 0) {
      const beside = await this.#options.finder.beside(new Set(lost.map((file) => file.home)))
      for (const file of lost) note(file, beside.get(file.key), left)
      for (const [key, sighting] of beside) {
        const known = this.#files.has(key) || newcomers.has(key)
        if (!known && homeAfter(sighting, left) !== undefined) newcomers.set(key, sighting)
      }
    }
    const arrived = this.#admit(newcomers, left)
    return { arrived, forgotten: this.#forgetMissing() }
  }

  #admit(newcomers: ReadonlyMap<string, Sighting>, left: readonly Departure[]): TailFile[] {
    const arrived: TailFile[] = []
    const inOrder = [...newcomers.values()]
      .map((sighting) => ({ sighting, home: homeAfter(sighting, left) ?? sighting.path }))
      .sort((a, b) => turnOf(a) - turnOf(b))
    for (const { sighting, home } of inOrder) {
      const file = this.admit(sighting, home)
      if (file) arrived.push(file)
    }
    return arrived
  }

  #forgetMissing(): TailFile[] {
    const missing = [...this.#files.values()].filter((file) => !file.sighting && !file.isOpen)
    const forgotten = missing.slice(0, Math.max(0, missing.length - maxMissing))
    for (const file of forgotten) this.forget(file)
    return forgotten
  }
}

/** A file that was at its home until now, or never found. What came there after it was made later. */
type Departure = Pick<Position, 'home' | 'madeMs'>

function note(file: TailFile, sighting: Sighting | undefined, left: Departure[]): void {
  const wasHome = !file.sighting || file.sighting.path === file.home
  if (wasHome && sighting?.path !== file.home) left.push(file.position)
  file.sighted(sighting)
}

/** The home of a file that was made after another left it, and was itself moved aside since. */
function homeAfter(sighting: Sighting, left: readonly Departure[]): string | undefined {
  return left.find(
    ({ home, madeMs }) => isRotationOf(sighting.path, home) && sighting.madeMs >= madeMs
  )?.home
}

/** Files are read in the order in which they were made, the one that is at its home now as the last. */
function turnOf(one: { readonly sighting: Sighting; readonly home: string }): number {
  return one.sighting.path === one.home ? Number.MAX_VALUE : one.sighting.madeMs
}
