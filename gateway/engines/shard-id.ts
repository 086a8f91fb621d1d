import type { ShardId } from './engine.ts'

/** The name of a shard, as Kinesis writes it. */
export function shardIdOf(index: number): ShardId {
  return `shardId-${String(index).padStart(12, '0')}`
}

/** Undefined for what is not the name of a shard. */
export function shardIndexOf(id: ShardId): number | undefined {
  return /^shardId-\d{12}$/.test(id) ? Number(id.slice(8)) : undefined
}
