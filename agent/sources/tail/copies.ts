import { isRotationOf } from './file-finder.ts'
import { headBytes, type Position, startOf } from './position.ts'
import { resume } from './resume.ts'
import type { TailFile } from './tail-file.ts'

// Some rotate by copying the file and emptying it, some write a file by replacing it with a longer
// copy. Where the copy is followed too, what was read of the original must not be read again.

/** How a file that was not known before relates to one that is. */
export type Kinship =
  /** The original was emptied after it was copied, or was replaced by its copy. */
  | { readonly kind: 'successor'; readonly original: TailFile; readonly position: Position }
  /** The original is still there; which of the two goes on is to be seen. */
  | { readonly kind: 'copy'; readonly original: TailFile }

/** Whether `file` could hold what was read from `other`, by their names and fates. */
export function mayBeCopy(file: TailFile, other: TailFile): boolean {
  const path = file.sighting?.path
  if (other === file || path === undefined) return false
  const wholeHead = (other.previous ?? other.position).head.length === headBytes
  if (path === other.home) return wholeHead && (other.state.deleted || !other.sighting)
  return other.sighting?.path === other.home && (wholeHead || isRotationOf(path, other.home))
}

/** Compares what the files hold; both have been looked at. */
export async function kinship(file: TailFile, other: TailFile): Promise<Kinship | undefined> {
  const emptied = other.previous && (await positionIn(file, other.previous))
  if (emptied) return { kind: 'successor', original: other, position: emptied }
  if (other.position.offset === 0) return undefined
  const position = await positionIn(file, other.position)
  if (!position) return undefined
  const replaced = file.sighting?.path === other.home
  return replaced ? { kind: 'successor', original: other, position } : { kind: 'copy', original: other }
}

/** Where in `file` reading goes on, if it holds what was read up to `position` or the beginning of that. */
export async function positionIn(file: TailFile, position: Position): Promise<Position | undefined> {
  const read = (offset: number, length: number) => file.read(offset, length)
  const size = file.state.size
  const resumed = await resume(read, position, { size, watched: false })
  if (resumed.change === 'rewritten') return undefined
  return { ...resumed.position, home: file.home }
}

/** A copy whose original did not change is read where the original was read to. */
export async function settledPosition(file: TailFile, original: TailFile): Promise<Position> {
  const position = original.previous ?? original.position
  return (await positionIn(file, position)) ?? startOf(file.home)
}
