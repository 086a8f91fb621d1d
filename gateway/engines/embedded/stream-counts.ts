import { Histogram } from '../../../shared/histogram.ts'
import type { PlannedBlock } from './commit-plan.ts'
import { ShardLoad } from './shard-load.ts'

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

/** What a stream has stored in this life, and which of its shards take much of it. */
export class StreamCounts {
  readonly totals = { records: 0, blocks: 0, bytes: 0, failedCommits: 0, commit: new Histogram() }
  readonly load = new ShardLoad()

  /** Takes note of a commit. */
  add(blocks: readonly PlannedBlock[], seconds: number): void {
    const { totals } = this
    totals.commit.observe(seconds)
    totals.blocks += blocks.length
    for (const { block } of blocks) {
      totals.records += block.count
      totals.bytes += block.data.length
    }
  }
}
