import { Segment, type SegmentPlace, segmentTables } from './segment.ts'
import { segmentPlace } from './segment-files.ts'
import { salvage } from './salvage.ts'
import type { StoreContext } from './store-file.ts'

/**
 * Salvages a damaged segment into the next generation of its file. The damaged one stays where it
 * is: the caller removes it once nothing depends on it any more.
 */
export async function recoverSegment(
  context: StoreContext,
  damaged: SegmentPlace,
  cause: unknown
): Promise<Segment> {
  const { policy, number, generation, path } = damaged
  const place = segmentPlace(context.directory, { policy, number, generation: generation + 1 })
  const { db, rows, quarantine } = await salvage(context, {
    from: path,
    to: place.path,
    tables: segmentTables
  })
  context.log.error(
    { error: cause, quarantine, rows },
    'a segment was damaged: quarantined, and salvaged what can be read'
  )
  return Segment.of(context, place, db)
}
