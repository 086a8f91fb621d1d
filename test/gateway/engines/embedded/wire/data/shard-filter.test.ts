import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type ShardRow,
  ShardTable
} from '../../../../../../gateway/engines/embedded/shard-table.ts'
import { newDefinition } from '../../../../../../gateway/engines/embedded/stream-definition.ts'
import {
  filterShards,
  type ShardFilter
} from '../../../../../../gateway/engines/embedded/wire/data/shard-filter.ts'
import { shardIdOf } from '../../../../../../gateway/engines/shard-id.ts'

const retentionMs = 100_000
const startMs = 1_700_000_000_000

interface Reshard {
  readonly pick: number
  readonly merge: boolean
  readonly waitMs: number
}

const reshard: fc.Arbitrary<Reshard> = fc.record({
  pick: fc.nat(),
  merge: fc.boolean(),
  waitMs: fc.nat({ max: 30_000 })
})

/** A table after some reshards, with the times at which it was changed. */
function history(count: number, steps: readonly Reshard[]): { table: ShardTable; times: number[] } {
  let table = ShardTable.uniform(count, startMs / 1000)
  const times = [startMs]
  for (const { pick, merge, waitMs } of steps) {
    const nowMs = (times.at(-1) ?? startMs) + waitMs
    times.push(nowMs)
    const moment = { atIndex: 0, ageMs: nowMs - startMs, wallSeconds: Math.floor(nowMs / 1000) }
    const open = table.rows
      .filter((row) => !row.closed)
      .sort((a, b) => (a.range.start < b.range.start ? -1 : 1))
    const at = pick % open.length
    const [one, next] = [open[at], open[at + 1]].map((row) => row && shardIdOf(row.index))
    if (merge && one && next) table = table.merge(one, next, moment)
    else if (one) table = table.split(one, undefined, moment)
  }
  return { table, times }
}

function assertTiles(rows: readonly ShardRow[]): void {
  let next = 0n
  for (const { range } of rows.toSorted((a, b) => (a.range.start < b.range.start ? -1 : 1))) {
    assert.equal(range.start, next)
    next = range.end + 1n
  }
  assert.equal(next, 1n << 128n)
}

test('the shards at any time tile the hash space, and those from it hold all their descendants', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.array(reshard, { maxLength: 12 }),
      fc.tuple(fc.nat({ max: 400_000 }), fc.integer({ min: -10_000, max: 400_000 })),
      (count, steps, [laterMs, offsetMs]) => {
        const { table, times } = history(count, steps)
        const options = { shards: count, retentionMs, createdMs: startMs }
        const definition = { ...newDefinition('s', options), shards: table }
        const ageMs = (times.at(-1) ?? startMs) - startMs + laterMs
        const of = (filter: ShardFilter) => filterShards(definition, filter, ageMs)
        const Timestamp = new Date(startMs + offsetMs)
        const at = of({ Type: 'AT_TIMESTAMP', Timestamp })
        assertTiles(at)
        assertTiles(of({ Type: 'AT_TRIM_HORIZON' }))
        assertTiles(of({ Type: 'AT_LATEST' }))
        const from = new Set(of({ Type: 'FROM_TIMESTAMP', Timestamp }))
        const all = of({ Type: 'FROM_TRIM_HORIZON' })
        for (const row of at) assert.ok(from.has(row))
        for (const row of all) {
          const hasParent = [...from].some((parent) => row.parents.includes(parent.index))
          if (hasParent || !row.closed) assert.ok(from.has(row))
        }
        for (const { closed } of all) assert.ok(!closed || ageMs - closed.ageMs <= retentionMs)
      }
    )
  )
})
