import { join } from 'node:path'
import type { OverflowPolicy } from '../buffer.ts'
import { listStores, removeStore, type StoreContext, storePath } from '../store/store-file.ts'

/** Where segments lie in the data directory. */
export const segmentFolder = 'segments'

export interface SegmentPlace {
  readonly policy: OverflowPolicy
  /** Rises over both rows. */
  readonly number: number
  readonly generation: number
  readonly path: string
}

export function segmentPlace(directory: string, place: Omit<SegmentPlace, 'path'>): SegmentPlace {
  const base = `${place.policy}-${String(place.number).padStart(8, '0')}`
  return { ...place, path: storePath(join(directory, segmentFolder), base, place.generation) }
}

/**
 * The segments of a row, oldest first. Where a file stands beside its salvaged successor, the
 * salvage was cut short: the successor is removed, and it is done again.
 */
export async function listSegments(
  { directory, readOnly }: StoreContext,
  policy: OverflowPolicy
): Promise<SegmentPlace[]> {
  const places: SegmentPlace[] = []
  for (const { base, generation, path } of await listStores(join(directory, segmentFolder))) {
    if (!base.startsWith(`${policy}-`)) continue
    const number = Number(base.slice(policy.length + 1))
    if (!places.some((place) => place.number === number)) {
      places.push({ policy, number, generation, path })
    } else if (!readOnly()) {
      await removeStore(path)
    }
  }
  return places.sort((a, b) => a.number - b.number)
}
