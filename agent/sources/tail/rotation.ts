import type { Beside, Sighting } from './file-finder.ts'
import type { Position } from './position.ts'
import { isRotationOf } from './rotated-name.ts'
import type { TailFile } from './tail-file.ts'

/** A file that was at its home until now, or never found. What came there after it was made later. */
export type Departure = Pick<Position, 'home' | 'madeMs'>

/** A file under the name that rotation gave it. */
export interface Rotated extends Sighting {
  readonly home: string
}

/** Whether the file left its home, or was never found. */
export function note(file: TailFile, sighting: Sighting | undefined, left: Departure[]): boolean {
  const wasHome = !file.sighting || file.sighting.path === file.home
  const leaves = wasHome && sighting?.path !== file.home
  if (leaves) left.push(file.position)
  file.sighted(sighting)
  return leaves
}

/**
 * What was moved aside from where a file left, and was made since, by key with its home: files that
 * came there and left again before they were seen.
 */
export function movedAside(
  left: readonly Departure[],
  beside: ReadonlyMap<string, Beside>
): Map<string, Rotated> {
  const moved = new Map<string, Rotated>()
  for (const { home, madeMs } of left) {
    for (const sighting of beside.get(home)?.values() ?? []) {
      const { key, path, archive } = sighting
      if (archive || moved.has(key) || sighting.madeMs < madeMs) continue
      if (isRotationOf(path, home)) moved.set(key, { ...sighting, home })
    }
  }
  return moved
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
