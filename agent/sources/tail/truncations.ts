import { beginsLike, positionIn } from './copies.ts'
import type { Beside, FileFinder, Sighting } from './file-finder.ts'
import type { FileOpener } from './file-opener.ts'
import type { FileSet } from './file-set.ts'
import type { Newcomers } from './newcomers.ts'
import { type Position, startOf } from './position.ts'
import { isRotationOf } from './rotated-name.ts'
import { TailFile } from './tail-file.ts'

/** A copy may be found late, when its name or its rights change while it is looked for. */
const maxSeeks = 4

/** Files beside an emptied one that are looked into for what it held, the newest first. */
const maxLookedInto = 16

interface TruncationsOptions {
  readonly files: FileSet
  readonly finder: FileFinder
  readonly opener: FileOpener
  readonly newcomers: Newcomers
}

/**
 * Rotation by copying a file and emptying it: finds the copies, whether they are asked for or not,
 * and has the original wait until they are drained.
 *
 * The copy that was made first is known by its content, which was read in part. What was copied
 * after that, before anything was read of the emptied file, is known by its name and its age alone.
 */
export class Truncations {
  readonly #options: TruncationsOptions

  constructor(options: TruncationsOptions) {
    this.#options = options
  }

  /** To be called after each scan, when those that arrived were recognised. */
  async settle(): Promise<void> {
    const { files, finder } = this.#options
    const originals = [...files].filter(
      (file) => file.mayHaveCopies || (files.thorough && file.isUnreadSinceEmptied)
    )
    if (originals.length === 0) return
    const found = await finder.beside(new Set(originals.map((file) => file.home)))
    for (const original of originals) {
      const rotations = rotationsOf(original, found.get(original.home))
      const { state } = original
      if (state.emptied) state.seeks = maxSeeks
      if (state.seeks > 0)
        state.seeks = (await this.#findCopy(original, rotations)) ? 0 : state.seeks - 1
      Object.assign(state, { emptied: false, changedSinceScan: false })
      if (original.isUnreadSinceEmptied) await this.#joinLater(original, rotations)
    }
  }

  /**
   * Looks for the copy of what was read of `original` before it was emptied. Resolves with false
   * when it is worth looking again.
   */
  async #findCopy(original: TailFile, rotations: readonly Sighting[]): Promise<boolean> {
    const { files, opener, newcomers } = this.#options
    const { home, emptied } = original.position
    if (!emptied || original.sighting?.path !== home) return true
    for (const file of files) {
      if (file.copyOf?.original === original && (await opener.look(file))) {
        await newcomers.settle(file, { quiet: false })
      }
    }
    for (const sighting of rotations.slice(-maxLookedInto).toReversed()) {
      const known = files.get(sighting.key)
      known?.sighted(sighting)
      const file = known ?? candidate(sighting, home)
      const found = await this.#positionIn(file, emptied)
      if (!known) await opener.release(file)
      if (!found) continue
      const copy = known ?? files.admit(sighting, home)
      if (!copy) return false
      const begun = copy.position.offset > 0
      if (begun && copy.home === home) files.putLast(original)
      else newcomers.join(copy, original, begun ? copy.position : found)
      return true
    }
    return false
  }

  /**
   * What was made after the last known copy of an `original` that is unread is read before it. Where
   * that copy is gone, as it is when it was compressed, what was made since the last read counts.
   */
  async #joinLater(original: TailFile, rotations: readonly Sighting[]): Promise<void> {
    const { files, newcomers } = this.#options
    const last = files.newestBeside(original)
    const sinceMs = Math.max(
      last?.position.madeMs ?? 0,
      original.position.emptied?.readMs || (last ? 0 : Number.POSITIVE_INFINITY)
    )
    for (const sighting of rotations) {
      if (sighting.key === last?.key || sighting.madeMs < sinceMs) continue
      const known = files.get(sighting.key)
      // It may be the very copy that is looked for.
      if (!known && original.state.seeks > 0 && !(await this.#isReadable(sighting))) continue
      const copy = known ?? files.admit(sighting, original.home)
      if (copy && !known) await newcomers.recognise([copy])
      if (!copy || copy.position.offset > 0) continue
      if (copy.copyOf && copy.copyOf.original !== original) continue
      if (await this.#mayBeOf(copy, original)) {
        copy.copyOf = { original, emptied: original.position.emptied }
      } else {
        newcomers.join(copy, original, copy.position)
      }
    }
  }

  /** Whether `copy` may have been made of what `original` holds now, which was not emptied since. */
  async #mayBeOf(copy: TailFile, original: TailFile): Promise<boolean> {
    const { opener } = this.#options
    if (!(await opener.look(original)) || !(await opener.look(copy))) return false
    try {
      return await beginsLike(copy, original)
    } catch (error) {
      await opener.setAside(copy, error)
      return false
    }
  }

  async #isReadable(sighting: Sighting): Promise<boolean> {
    const { opener } = this.#options
    const file = candidate(sighting, sighting.path)
    const readable = await opener.look(file)
    await opener.release(file)
    return readable
  }

  /** As `positionIn`; a file that cannot be read holds nothing, so that nobody waits for it. */
  async #positionIn(file: TailFile, position: Position): Promise<Position | undefined> {
    const { opener } = this.#options
    if (!(await opener.look(file))) return undefined
    try {
      return await positionIn(file, position)
    } catch (error) {
      await opener.setAside(file, error)
      return undefined
    }
  }
}

/** The oldest first. */
function rotationsOf({ key, home }: TailFile, beside: Beside = new Map()): Sighting[] {
  return [...beside.values()]
    .filter((sighting) => sighting.key !== key && isRotationOf(sighting.path, home))
    .sort((a, b) => a.madeMs - b.madeMs)
}

function candidate(sighting: Sighting, home: string): TailFile {
  const file = new TailFile(sighting.key, 0, startOf({ home, madeMs: sighting.madeMs }))
  file.sighted(sighting)
  return file
}
