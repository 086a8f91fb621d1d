import type { FrameIndex } from '../frames/frame-index.ts'
import type { WriteOff } from '../accounts.ts'
import { idsOf } from './missing-ids.ts'
import { runSummaries } from './run-summaries.ts'
import { SeqRanges } from '../seq-ranges.ts'
import { salvage } from '../store/salvage.ts'
import { Segment } from '../segments/segment.ts'
import type { SegmentPlace } from '../segments/segment-files.ts'
import { segmentTables } from '../segments/segment-tables.ts'
import { segmentPlace } from '../segments/segment-files.ts'
import type { StoreContext } from '../store/store-file.ts'

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

/** As `recoverSegment`, for one that is in use: the index knows the new one. Says what is gone. */
export async function recoverHeld(
  { store, index }: { readonly store: StoreContext; readonly index: FrameIndex },
  damaged: SegmentPlace,
  cause: unknown
): Promise<{ readonly segment: Segment; readonly gone: Omit<WriteOff, 'policy'> }> {
  const { number } = damaged
  const segment = await recoverSegment(store, damaged, cause)
  const summaries = await runSummaries(segment)
  const settled = index.settledIn(number)
  const before = index.heldIn(number)
  const [firstId, lastId] = index.idsIn(number) ?? [1, 0]
  index.forget(number)
  index.load(number, summaries, settled)
  const after = index.heldIn(number)
  const losses = [...before].map(([stream, records]) => ({
    stream,
    reason: 'corrupt' as const,
    records: records - (after.get(stream) ?? 0)
  }))
  const ids = new SeqRanges(await idsOf(segment, summaries)).outside(firstId, lastId)
  return { segment, gone: { ids, losses: losses.filter(({ records }) => records > 0) } }
}
