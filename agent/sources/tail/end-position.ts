import { growHead, markAt } from './advance.ts'
import { headBytes, type Position } from './position.ts'
import type { ReadAt } from './resume.ts'

/** How far back the beginning of the last line is looked for. */
const searchBytes = 64 * 1024

/**
 * The end of a file, known by its start, whose old content is not wanted: behind its last newline, so that a line which
 * is being written is not begun in its middle.
 */
export async function endPosition(read: ReadAt, start: Position, size: number): Promise<Position> {
  const from = Math.max(0, size - searchBytes)
  const bytes = await read(from, size - from)
  const behindNewline = bytes.lastIndexOf(10) + 1
  const skipping = behindNewline === 0 && from > 0
  const offset = skipping ? from + bytes.length : from + behindNewline
  return {
    ...start,
    offset,
    skipping,
    head: growHead(start, await read(0, Math.min(headBytes, offset))),
    marks: skipping || offset === 0 ? [] : [markAt(offset, bytes.subarray(0, behindNewline))]
  }
}
