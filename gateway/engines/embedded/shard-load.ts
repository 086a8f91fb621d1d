import type { HashRange } from '../engine.ts'
import { hashSpace } from '../hash-key.ts'
import type { PlannedBlock } from './commit-plan.ts'
import type { ReshardMoment, ShardTable } from './shard-table.ts'
import { maxOpenShards } from './stream-definition.ts'

const windowSeconds = 1
/** Amazon Kinesis splits a shard of an on-demand stream that takes over 500 KB/s. */
const steady = { bytesPerSecond: 500_000, seconds: 60 } as const
/** What a shard takes at most; one that is at it for this long is not left to the average. */
const full = { bytesPerSecond: 1024 * 1024, seconds: 3 } as const

interface Load {
  startMs: number
  bytes: number
  /** Exponentially weighted. */
  bytesPerSecond: number
  /** How long it has been full without a break. */
  fullSeconds: number
}

/** How much the shards of an on-demand stream take; made of what is stored, so that no timer runs. */
export class ShardLoad {
  /** By shard; what is of closed ones goes with the next `keep`. */
  readonly #loads = new Map<number, Load>()

  /** Takes note of a commit. Returns the shards that take more than one should. */
  add(blocks: readonly PlannedBlock[], nowMs: number): readonly number[] {
    return blocks.flatMap(({ block: { shard, data } }) => {
      const load = this.#loads.get(shard)
      if (!load) {
        this.#loads.set(shard, begin(nowMs, data.length))
        return []
      }
      load.bytes += data.length
      const seconds = (nowMs - load.startMs) / 1000
      if (seconds < windowSeconds) return []
      roll(load, seconds)
      load.startMs = nowMs
      return isHot(load) ? [shard] : []
    })
  }

  /** Forgets all shards but these. */
  keep(shards: ReadonlySet<number>): void {
    for (const shard of this.#loads.keys()) if (!shards.has(shard)) this.#loads.delete(shard)
  }
}

function begin(startMs: number, bytes: number): Load {
  return { startMs, bytes, bytesPerSecond: 0, fullSeconds: 0 }
}

/** Ends a window. */
function roll(load: Load, seconds: number): void {
  const rate = load.bytes / seconds
  load.bytesPerSecond += (rate - load.bytesPerSecond) * (1 - Math.exp(-seconds / steady.seconds))
  load.fullSeconds = rate >= full.bytesPerSecond ? load.fullSeconds + seconds : 0
  load.bytes = 0
}

function isHot({ bytesPerSecond, fullSeconds }: Load): boolean {
  return bytesPerSecond > steady.bytesPerSecond || fullSeconds >= full.seconds
}

/** Halves these shards, as long as they are open and there may be more; the same table if none is. */
export function splitHot(
  table: ShardTable,
  shards: readonly number[],
  moment: ReshardMoment
): ShardTable {
  const open = table.open()
  const hot = open
    .filter(({ index, range }) => shards.includes(index) && isDivisible(range))
    .slice(0, maxOpenShards - open.length)
  if (hot.length === 0) return table
  return table.change(moment, (draft) => {
    for (const row of hot) draft.split(row, row.range.start + widthOf(row.range) / 2n)
  })
}

/**
 * What is narrower than the slices of a stream with all the shards it may have is hot because of
 * one key, and no split helps.
 */
function isDivisible(range: HashRange): boolean {
  return widthOf(range) * BigInt(maxOpenShards) > hashSpace
}

function widthOf({ start, end }: HashRange): bigint {
  return end - start + 1n
}
