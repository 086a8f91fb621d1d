import type { Accounts } from '../accounts.ts'
import type { Capacity } from '../capacity.ts'
import type { CursorTable } from '../cursor-table.ts'
import type { FrameIndex } from '../frames/frame-index.ts'
import type { RecentFrames } from '../frames/recent-frames.ts'
import type { Sequence } from '../sequence.ts'
import type { StoreContext } from '../store/store-file.ts'

/** What both rows of segments share. */
export interface RowShared {
  readonly store: StoreContext
  readonly index: FrameIndex
  readonly recent: RecentFrames
  readonly cursors: CursorTable
  readonly sequence: Sequence
  readonly accounts: Accounts
  readonly capacity: Capacity
  /** A segment that grew by so much is closed, and the next begun. */
  readonly segmentBytes: number
}
