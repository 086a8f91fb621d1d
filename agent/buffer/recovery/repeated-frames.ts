import type { CursorTable } from '../cursor-table.ts'
import type { FrameIndex } from '../frames/frame-index.ts'
import type { FrameRow } from '../frames/frame-row.ts'
import { frameHeads } from './frame-heads.ts'
import type { Segment } from '../segments/segment.ts'

/**
 * Gives up the frames whose sources all stand at a cursor older than the frame: they bring its
 * records again, under new numbers. To send it as well would double them. Says how many records.
 */
export async function giveUpRepeated(
  segments: readonly Segment[],
  { index, cursors }: { readonly index: FrameIndex; readonly cursors: CursorTable }
): Promise<number> {
  const comesAgain = ({ sources, version }: FrameRow) =>
    sources.length > 0 &&
    sources.every((source) => (cursors.versionOf(source) ?? version) < version)
  let records = 0
  for (const segment of segments) {
    for (const frame of await frameHeads(segment)) {
      if (comesAgain(frame)) records += index.giveUp(segment.place.number, frame)
    }
  }
  return records
}
