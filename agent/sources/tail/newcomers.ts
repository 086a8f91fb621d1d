import { fileCursor, removedCursor } from './cursors.ts'
import { endPosition } from './end-position.ts'
import type { FileOpener } from './file-opener.ts'
import { isRotationOf } from './file-finder.ts'
import type { FileSet } from './file-set.ts'
import { headBytes, type Position, startOf } from './position.ts'
import { resume } from './resume.ts'
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

  /** Looks for the originals of files that arrived. */
  async recognise(arrived: readonly TailFile[]): Promise<void> {
    for (const file of arrived) {
      for (const other of this.#options.files) {
        if (mayBeCopy(file, other) && (await this.#isKin(file, other))) break
      }
    }
  }

  /**
   * Whether a copy may be read now: its original was emptied, or is gone, or neither changed for a
   * while (`quiet`). It goes on where the original was read to.
   */
  async settle(file: TailFile, quiet: boolean): Promise<boolean> {
    const { name, reader } = this.#options
    if (!file.copyOf) return true
    const { original, emptied } = file.copyOf
    const { position } = original
    const wasEmptied = position.emptied !== emptied
    if (!wasEmptied && original.sighting && !(quiet && original.drained)) return false
    file.copyOf = undefined
    const held = (wasEmptied && position.emptied) || position
    file.moveTo((await positionIn(file, held)) ?? startOf(file.position))
    reader.commit([fileCursor(name, file)])
    return true
  }

  async #isKin(file: TailFile, other: TailFile): Promise<boolean> {
    const { name, files, reader, opener } = this.#options
    if (!(await opener.look(file)) || !(await shared(file, other))) return false
    // The original may have been emptied since it was looked at.
    if (other.isOpen || other.sighting) await opener.look(other)
    const found = await shared(file, other)
    if (!found) return false
    if (found.emptied) {
      file.moveTo(found.position)
      reader.commit([fileCursor(name, file)])
    } else if (file.sighting?.path !== other.home) {
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

/** Whether `file` could hold what was read from `other`, by their names and fates. */
function mayBeCopy(file: TailFile, other: TailFile): boolean {
  const path = file.sighting?.path
  if (other === file || path === undefined) return false
  if (other.position.offset === 0 && !other.position.emptied) return false
  const wholeHead = [other.position.emptied, other.position].some(
    (one) => one?.head.length === headBytes
  )
  if (path === other.home) return wholeHead && (other.state.deleted || !other.sighting)
  return wholeHead || isRotationOf(path, other.home)
}

/** Where in `file` reading goes on, if it begins with what is or was in `other`. */
async function shared(
  file: TailFile,
  other: TailFile
): Promise<{ readonly position: Position; readonly emptied: boolean } | undefined> {
  const { emptied } = other.position
  for (const position of [emptied, other.position]) {
    const found = position && position.offset > 0 && (await positionIn(file, position))
    if (found) return { position: found, emptied: position === emptied }
  }
  return undefined
}

/**
 * Where in `file` reading goes on, if it holds what was read up to `position`, or is a beginning of
 * that, as a copy is that is still being made. Two files that only begin with the same lines are none.
 */
async function positionIn(file: TailFile, position: Position): Promise<Position | undefined> {
  const read = (offset: number, length: number) => file.read(offset, length)
  const { size } = file.state
  const resumed = await resume(read, position, { size, watched: false })
  const { offset, recent } = resumed.position
  if (resumed.change === 'rewritten') return undefined
  if (resumed.change === 'rewound') {
    const next = recent.length > 0 ? position.recent[recent.length] : undefined
    if (size >= position.offset || (next && size - offset >= next.length)) return undefined
  }
  return { ...resumed.position, ...ownOf(file.position) }
}

function ownOf({ home, madeMs, emptied }: Position): Pick<Position, 'home' | 'madeMs' | 'emptied'> {
  return { home, madeMs, emptied }
}
