import type { Shard, StreamDescription } from './engine.ts'

/** A stream as people and programs are shown it. Hash keys are decimal text: they have 128 bits. */
export function descriptionJson(description: StreamDescription) {
  const { stream, maxRecordBytes, distribution, shards } = description
  return { stream, maxRecordBytes, distribution, shards: shards.map(shardJson) }
}

function shardJson({ id, range, parents, open }: Shard) {
  return { id, start: String(range.start), end: String(range.end), parents, open }
}
