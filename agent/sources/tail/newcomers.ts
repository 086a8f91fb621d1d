import { beginsLike, mayBeCopy, mayHold, mostRead, positionIn, shared } from './copies.ts'
import { fileCursor, removedCursor } from './cursors.ts'
import { endPosition } from './end-position.ts'
import type { FileOpener } from './file-opener.ts'
import type { FileSet } from './file-set.ts'
import { headBytes, type Position, startOf } from './position.ts'
import { isRotationOf } from './rotated-name.ts'
import type { TailFile } from './tail-file.ts'
import type { TailReader } from './tail-reader.ts'

interface NewcomersOptions {
  readonly name: string
  readonly files: FileSet
  readonly opener: FileOpener
  readonly reader: TailReader
}

/**
 * Decides where a file that was not known before is begun: mostly at its start. But some rotate by
 * copying a file and emptying it, and some write a file by replacing it with a longer copy; what was
 * read of the original is then not read again in the copy.
 */
export class Newcomers {
  readonly #options: NewcomersOptions
  /** Could not be opened when their originals were looked for, mostly as rotation renamed them. */
  readonly #postponed = new Set<TailFile>()

  constructor(options: NewcomersOptions) {
    this.#options = options
  }

  /** These files are begun at their ends; resolves with those that could be opened. */
  async skipToEnd(arrived: readonly TailFile[]): Promise<readonly TailFile[]> {
    const skipped: TailFile[] = []
    for (const file of arrived) {
      if (!(await this.#options.opener.look(file))) continue
      const read = (offset: number, length: number) => file.read(offset, length)
      file.moveTo(await endPosition(read, startOf(file.position), file.state.size))
      skipped.push(file)
    }
    return skipped
  }

  /** As `recognise`, also for those that could not be opened then. To be called after each scan. */
  async recogniseAll(arrived: readonly TailFile[]): Promise<void> {
    const { files } = this.#options
    const found: TailFile[] = []
    for (const file of this.#postponed) {
      const isFollowed = files.get(file.key) === file
      if (isFollowed && !file.sighting) continue
      this.#postponed.delete(file)
      if (isFollowed) found.push(file)
    }
    await this.recognise([...found, ...arrived])
  }

  /** Looks for the originals of files that arrived. */
  async recognise(arrived: readonly TailFile[]): Promise<void> {
    const { files, opener } = this.#options
    for (const file of arrived) {
      // Of a copy and its original, the one of which more was read says more.
      const others = [...files]
        .filter((other) => mayBeCopy(file, other))
        .sort((a, b) => mostRead(b) - mostRead(a))
      const archive = file.sighting?.archive === true
      if (others.length === 0 && !archive) continue
      if (!(await opener.look(file))) {
        this.#postponed.add(file)
        continue
      }
      if (file.state.size === 0) continue
      const head = await file.read(0, headBytes)
      for (const other of others) {
        if (mayHold(file, head, other) && (await this.#isKin(file, other))) break
      }
      if (archive && !file.copyOf && file.position.offset === 0) await this.#leaveToOpen(file)
    }
  }

  /** What is still open is read to its end, and not in the archive that was made of it. */
  async #leaveToOpen(file: TailFile): Promise<void> {
    const { files, opener } = this.#options
    for (const other of files) {
      const gone = other.isOpen && !other.sighting && other.home === file.home
      if (!gone || other.position.offset > 0 || !(await opener.look(other))) continue
      if (!(await beginsLike(file, other))) continue
      file.copyOf = { original: other, emptied: other.position.emptied }
      return
    }
  }

  /**
   * Whether a copy may be read now: its original was emptied, or is gone, or neither changed for a
   * while (`quiet`). It goes on where the original was read to.
   */
  async settle(file: TailFile, { quiet }: { quiet: boolean }): Promise<boolean> {
    const { name, reader } = this.#options
    if (!file.copyOf) return true
    const { original, emptied } = file.copyOf
    const { position } = original
    const wasEmptied = position.emptied !== emptied
    const isThere = original.sighting !== undefined || original.isOpen
    if (!wasEmptied && isThere && !(quiet && original.drained)) return false
    file.copyOf = undefined
    const held = (wasEmptied && position.emptied) || position
    const found = (await positionIn(file, held)) ?? startOf(file.position)
    if (wasEmptied) {
      this.join(file, original, found)
    } else {
      file.moveTo(found)
      reader.commit([fileCursor(name, file)])
    }
    return true
  }

  /** A copy of what `original` held before it was emptied is read from `position`, and before it. */
  join(copy: TailFile, original: TailFile, position: Position): void {
    const { name, files, reader } = this.#options
    copy.copyOf = undefined
    copy.moveTo(position)
    const path = copy.sighting?.path
    if (path !== undefined && isRotationOf(path, original.home)) {
      copy.moveTo({ ...position, home: original.home })
      files.putLast(copy)
      files.putLast(original)
    }
    // Unread files without cursors are put in order again at the next start, by what was read.
    if (position.offset > 0) reader.commit([fileCursor(name, copy)])
  }

  async #isKin(file: TailFile, other: TailFile): Promise<boolean> {
    const { name, files, reader, opener } = this.#options
    if (!(await shared(file, other))) return false
    // The original may have been emptied since it was looked at.
    if (other.isOpen || other.sighting) await opener.look(other)
    const found = await shared(file, other)
    if (!found) return false
    if (found.emptied) {
      this.join(file, other, found.position)
    } else if (file.sighting?.path !== other.home && !takesPlaceOf(file, other)) {
      file.copyOf = { original: other, emptied: other.position.emptied }
    } else {
      file.moveTo(found.position)
      files.forget(other)
      reader.commit([removedCursor(name, other), fileCursor(name, file)])
      await opener.release(other)
    }
    return true
  }
}

/** Compressing leaves the archive alone: nothing more comes of what was compressed. */
function takesPlaceOf(file: TailFile, other: TailFile): boolean {
  return file.sighting?.archive === true && !other.sighting && !other.isOpen
}
