import type { Sighting } from './file-finder.ts'
import type { Position } from './position.ts'
import type { TailFile } from './tail-file.ts'

/** A file that was at its home until now, or never found. What came there after it was made later. */
export type Departure = Pick<Position, 'home' | 'madeMs'>

/** Whether the file left its home, or was never found. */
export function note(file: TailFile, sighting: Sighting | undefined, left: Departure[]): boolean {
  const wasHome = !file.sighting || file.sighting.path === file.home
  const leaves = wasHome && sighting?.path !== file.home
  if (leaves) left.push(file.position)
  file.sighted(sighting)
  return leaves
}

/**
 * Whether what was seen under the number of a file is another one that was made since and was given
 * the same number; false where no such time is kept.
 */
export function isAnother({ archive, madeMs, bornMs }: Sighting, position: Position): boolean {
  if (archive) return madeMs !== position.madeMs
  return position.madeMs > 0 && bornMs > position.madeMs
}

interface Newcomer {
  readonly sighting: Sighting
  readonly home: string
}

/**
 * Files are read in the order in which they were made, the one that is at its home now as the last.
 * Archives come first, since rotation compresses the oldest.
 */
export function inTurn(a: Newcomer, b: Newcomer): number {
  return placeOf(a) - placeOf(b) || a.sighting.madeMs - b.sighting.madeMs
}

function placeOf({ sighting, home }: Newcomer): number {
  if (sighting.path === home) return 2
  return sighting.archive ? 0 : 1
}
