import type { Sighting } from './file-finder.ts'
import type { Position } from './position.ts'

/**
 * Whether what has the number of a file now is another one, which was made since and was given the
 * same number; false where no such time is kept. For an archive `madeMs` counts alone.
 */
export function isAnother(
  { archive, madeMs, bornMs }: Pick<Sighting, 'archive' | 'madeMs' | 'bornMs'>,
  position: Position
): boolean {
  if (archive) return madeMs !== position.madeMs
  return position.madeMs > 0 && bornMs > position.madeMs
}
