import type { Histogram } from '../../../shared/histogram.ts'

export interface StreamStats {
  readonly stream: string
  readonly openShards: number
  /** Entries, blocks and bytes of data stored in this life. */
  readonly records: number
  readonly blocks: number
  readonly bytes: number
  /** Failed commits, and puts that did not fit into the queue. */
  readonly failedCommits: number
  readonly refusedPuts: number
  readonly commit: Histogram
  readonly segments: number
  readonly segmentBytes: number
  readonly marks: number
  readonly evictedSources: number
  /** Blocks that readers passed over, and segments that were found damaged. */
  readonly corruptBlocks: number
  readonly salvagedSegments: number
}

export interface EmbeddedEngineStats {
  readonly streams: readonly StreamStats[]
  /** Running time over all lives. */
  readonly ageMs: number
}
