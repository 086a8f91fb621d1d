import { createCursors, cursorValues, insertCursor, parseCursor } from '../cursor-row.ts'
import { createFrames, frameValues, insertFrame, parseFrame } from '../frames/frame-row.ts'
import type { StoreTable } from '../store/store-file.ts'

/** What a segment is made of. */
export const segmentTables: readonly StoreTable[] = [
  {
    name: 'frames',
    create: createFrames,
    insert: insertFrame,
    intact: (row) => {
      const frame = parseFrame(row)
      return frame && frameValues(frame)
    }
  },
  {
    name: 'cursors',
    create: createCursors,
    insert: insertCursor,
    intact: (row) => {
      const cursor = parseCursor(row)
      return cursor && cursorValues(cursor)
    }
  }
]
