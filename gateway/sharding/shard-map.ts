import { HeadwaterError } from '../../shared/errors.ts'
import type { HashRange, Shard, ShardId, StreamDescription } from '../engines/engine.ts'
import { coverAll, openShards } from '../engines/open-shards.ts'

/** The shards of a stream at one version: which takes a hash key, and which held it before. */
export class ShardMap {
  readonly description: StreamDescription
  /** In order of their ranges, which tile the hash space. */
  readonly open: readonly Shard[]
  readonly #ranges: ReadonlyMap<ShardId, HashRange>

  /** Throws `unavailable` when the open shards leave a gap or overlap: read them again. */
  constructor(description: StreamDescription) {
    this.description = description
    this.open = openShards(description.shards)
    this.#ranges = new Map(description.shards.map((shard) => [shard.id, shard.range]))
    if (!coverAll(this.open)) {
      throw new HeadwaterError(
        'unavailable',
        `the open shards of stream ${description.stream} do not cover all hash keys once yet`
      )
    }
  }

  /** Index in `open` of the shard that takes this hash key. */
  indexOf(hash: bigint): number {
    let low = 0
    let high = this.open.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      const shard = this.open[middle]
      if (shard && shard.range.start <= hash) low = middle
      else high = middle - 1
    }
    return low
  }

  /**
   * Whether this shard, open or closed, takes or took the hash key. All shards that do are the
   * lineage of the open one. False for a shard that has expired.
   */
  covers(shard: ShardId, hash: bigint): boolean {
    const range = this.#ranges.get(shard)
    return range !== undefined && range.start <= hash && hash <= range.end
  }
}
