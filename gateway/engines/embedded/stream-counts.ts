import { Histogram } from '../../../shared/histogram.ts'
import type { PlannedBlock } from './commit-plan.ts'
import { ShardLoad } from './shard-load.ts'

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
