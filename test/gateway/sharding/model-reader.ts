import assert from 'node:assert/strict'
import { hashKeyOf } from '../../../gateway/engines/hash-key.ts'
import type { Shard } from '../../../gateway/engines/engine.ts'
import { decodeAggregate } from '../../../shared/kpl/deaggregate.ts'
import { sourceKey } from '../../../shared/kpl/kpl.ts'
import type { FakeEngine } from '../../support/fake-engine.ts'

export interface ReadMember {
  /** Shard and source, and the part of the shard where it matters: numbers rise within it. */
  readonly place: string
  readonly partitionKey: string
  readonly source: string
  readonly seq: number
  readonly data: string
  readonly repeat: boolean
}

/**
 * Everything in a stream as a reader sees it: shards in the order they were made, so parents before
 * children. A member is a repeat when the mark of its source along the lineage of its key has
 * reached its number. `by` is what a mark stands for: a whole shard, or, in a shard that was
 * merged, each part of it that came from different parents. A remote engine needs the latter: what
 * was under way for two shards when they were merged lands in their child side by side.
 */
export async function readAll(
  engine: FakeEngine,
  stream: string,
  by: 'shard' | 'part' = 'shard'
): Promise<ReadMember[]> {
  const { shards } = await engine.describe(stream)
  const marks = new Map<string, Map<string, number>>()
  const read: ReadMember[] = []
  for (const shard of shards) {
    const own = new Map<string, number>()
    marks.set(shard.id, own)
    for (const record of engine.stored(stream, shard.id)) {
      const members = decodeAggregate(record.data)
      assert.ok(members?.extra, 'every stored record is an aggregate with identity')
      const { extra } = members
      for (let i = 0; i < members.count; i++) {
        const partitionKey = members.partitionKeys[members.partitionKey[i] as number] as string
        const from = extra.sources[extra.source[i] as number]
        assert.ok(from)
        const source = sourceKey(from)
        const seq = extra.seqs[i] as number
        const lineage = lineageOf(shards, shard, hashKeyOf(partitionKey))
        const place = (at: number) =>
          by === 'shard' ? source : [source, ...lineage.slice(at)].join(' ')
        const repeat = lineage.some((id, at) => (marks.get(id)?.get(place(at)) ?? 0) >= seq)
        if (!repeat) own.set(place(0), seq)
        const data = String(members.data[i])
        read.push({ place: `${shard.id} ${place(0)}`, partitionKey, source, seq, data, repeat })
      }
    }
  }
  return read
}

/** The shard itself and those of its ancestors that held the hash key. */
function lineageOf(shards: readonly Shard[], shard: Shard, hash: bigint): string[] {
  const parents = shards.filter((one) => shard.parents.includes(one.id))
  const held = parents.filter(({ range }) => range.start <= hash && hash <= range.end)
  return [shard.id, ...held.flatMap((parent) => lineageOf(shards, parent, hash))]
}

/** First sightings by partition key, in the order read. */
export function byKey(read: readonly ReadMember[]): Map<string, string[]> {
  const keys = new Map<string, string[]>()
  for (const { partitionKey, source, seq, repeat } of read) {
    if (repeat) continue
    const list = keys.get(partitionKey) ?? []
    keys.set(partitionKey, list)
    list.push(`${source}#${seq}`)
  }
  return keys
}
