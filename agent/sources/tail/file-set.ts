import { archivesAfter } from './archives-after.ts'
import type { Beside, FileFinder, Sighting } from './file-finder.ts'
import { isAnother } from './is-another.ts'
import { type Position, startOf } from './position.ts'
import { type Departure, inTurn, movedAside, note, type Rotated } from './rotation.ts'
import { inOrderMade, spentFiles } from './spent-files.ts'
import { TailFile } from './tail-file.ts'

/** Positions of files that no path leads to are kept, since a disk may be mounted later; this many. */
const maxMissing = 256

export interface FileSetOptions {
  readonly finder: FileFinder
  readonly maxFiles: number
  /** Called for each file that is passed over because there are `maxFiles` already. */
  readonly tooMany: (path: string) => void
}

/** When there are `maxFiles`, files that are done with are forgotten down to this part of them. */
const releaseTo = 0.8

/** Scans between two that look for rotated files where nothing changed, too. */
const thoroughEvery = 16

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
  /** Let go since the last scan said so. */
  readonly #forgotten: TailFile[] = []
  #nextRank = 0
  #scans = 0
  #thorough = false
  /** No file may come before the next scan. */
  #full = false

  constructor(options: FileSetOptions) {
    this.#options = options
  }

  [Symbol.iterator](): Iterator<TailFile> {
    return this.#files.values()
  }

  /** Whether the last scan looked beside all homes, and not only where something changed. */
  get thorough(): boolean {
    return this.#thorough
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

  /**
   * Forgets a file that was read to its end and deleted, and those of its home that went before it:
   * what was last read of a home is remembered, or nothing. Returns what was forgotten.
   */
  forgetDeleted(file: TailFile): readonly TailFile[] {
    const before = [...this.#files.values()].filter(
      (other) => other !== file && other.home === file.home && !other.sighting && !other.isOpen
    )
    for (const one of [file, ...before]) this.forget(one)
    return [file, ...before]
  }

  /** Has a file wait for all that are known of its home. */
  putLast(file: TailFile): void {
    file.rank = this.#nextRank++
    file.state.waits = true
  }

  /** Of the other files of the same home the one that was made last. */
  newestBeside(file: TailFile): TailFile | undefined {
    let newest: TailFile | undefined
    for (const other of this.#files.values()) {
      if (other === file || other.home !== file.home) continue
      if (!newest || inOrderMade(newest, other) < 0) newest = other
    }
    return newest
  }

  /** Whether an older file of the same home is known, which this one goes on from. */
  followsAnother(file: TailFile): boolean {
    return [...this.#files.values()].some(
      (other) => other.home === file.home && other.rank < file.rank
    )
  }

  /** Whether an older file of the same home still has something to read, or may be found to. */
  mustWait(file: TailFile): boolean {
    if (file.state.emptied) return true
    if (!file.state.waits) return false
    for (const other of this.#files.values()) {
      const older = other.home === file.home && other.rank < file.rank
      const { problem, mislaid } = other.state
      const readable = (other.isOpen || other.sighting) && (problem === '' || mislaid)
      // What is mislaid may never have been looked at.
      if (older && readable && !other.copyOf && (mislaid || !other.drained)) return true
    }
    file.state.waits = false
    return false
  }

  /**
   * Follows a file that was not known, from its start; undefined when there are too many. Files that
   * are done with give way.
   */
  admit(sighting: Sighting, home: string): TailFile | undefined {
    if (this.#files.size >= this.#options.maxFiles && !this.#makeRoom()) {
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
    const { finder } = this.#options
    this.#full = false
    this.#thorough = this.#scans++ % thoroughEvery === 0
    const newcomers = await finder.matched()
    const left: Departure[] = []
    const lost: TailFile[] = []
    const restless = new Set<string>()
    const homes = new Set<string>()
    for (const file of [...this.#files.values()]) {
      homes.add(file.home)
      const sighting = this.#recall(file, newcomers.get(file.key))
      if (sighting) {
        newcomers.delete(file.key)
        if (note(file, sighting, left) || file.mayHaveCopies) restless.add(file.home)
      } else {
        lost.push(file)
        if (this.#thorough || !file.isAtRest) restless.add(file.home)
      }
    }
    for (const { path } of newcomers.values()) if (homes.has(path)) restless.add(path)
    const beside = await finder.beside(restless)
    for (const file of lost) {
      const found = beside.get(file.home)
      if (found) note(file, this.#recall(file, found.get(file.key)), left)
    }
    const arrived = this.#admit(newcomers, this.#unseen(left, beside))
    this.#forgetMissing()
    return { arrived, forgotten: this.#forgotten.splice(0) }
  }

  /** What rotation moved aside before it was seen, by key. */
  #unseen(left: readonly Departure[], beside: ReadonlyMap<string, Beside>): Map<string, Rotated> {
    const unseen = movedAside(left, beside)
    for (const key of unseen.keys()) if (this.#files.has(key)) unseen.delete(key)
    for (const one of archivesAfter(this.#files.values(), beside)) unseen.set(one.key, one)
    return unseen
  }

  /**
   * Where the number of a file leads now; undefined where that is another file, which is as if it
   * were gone: the number of a file that is not open may be used again.
   */
  #recall(file: TailFile, sighting: Sighting | undefined): Sighting | undefined {
    if (!sighting || file.isOpen || !isAnother(sighting, file.position)) return sighting
    this.#files.delete(file.key)
    file.key = `${file.key}-gone-${file.rank}`
    this.#files.set(file.key, file)
    return undefined
  }

  #admit(matched: ReadonlyMap<string, Sighting>, unseen: ReadonlyMap<string, Rotated>): TailFile[] {
    const arrived: TailFile[] = []
    const inOrder = [...new Map([...matched, ...unseen]).values()]
      .map((sighting) => ({ sighting, home: unseen.get(sighting.key)?.home ?? sighting.path }))
      .sort(inTurn)
    for (const { sighting, home } of inOrder) {
      const file = this.admit(sighting, home)
      if (file) arrived.push(file)
    }
    this.#putAfter(unseen)
    return arrived
  }

  /** What is at a home and was not begun comes after what was moved aside from there. */
  #putAfter(unseen: ReadonlyMap<string, Rotated>): void {
    if (unseen.size === 0) return
    const homes = new Set([...unseen.values()].map(({ home }) => home))
    for (const file of [...this.#files.values()]) {
      const { home, position, sighting } = file
      if (homes.has(home) && sighting?.path === home && position.offset === 0) this.putLast(file)
    }
  }

  /** Forgets files that are done with, the oldest first; returns whether another may come. */
  #makeRoom(): boolean {
    if (this.#full) return false
    const { maxFiles } = this.#options
    const all = [...this.#files.values()]
    for (const file of spentFiles(all)) {
      if (this.#files.size < releaseTo * maxFiles) break
      this.#letGo(file)
    }
    this.#full = all.filter((file) => !file.isSpent).length >= maxFiles
    return !this.#full
  }

  #forgetMissing(): void {
    const missing = [...this.#files.values()].filter((file) => !file.sighting && !file.isOpen)
    for (const file of missing.slice(0, Math.max(0, missing.length - maxMissing))) this.#letGo(file)
  }

  #letGo(file: TailFile): void {
    this.forget(file)
    this.#forgotten.push(file)
  }
}
