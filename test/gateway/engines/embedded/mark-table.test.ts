import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MarkTable } from '../../../../gateway/engines/embedded/mark-table.ts'
import { onceEpochHead } from '../../../../shared/kpl/kpl.ts'

test('the highest number of each source and shard is kept, and survives a snapshot', () => {
  const raise = fc.tuple(
    fc.constantFrom('a/1/0', 'b/1/0', '7', '__proto__'),
    fc.nat({ max: 3 }),
    fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
  )
  fc.assert(
    fc.property(fc.array(raise), (raises) => {
      const table = new MarkTable(1000)
      const expected = new Map<string, number>()
      for (const [source, shard, seq] of raises) {
        table.raise(source, shard, seq)
        const key = `${source} ${shard}`
        expected.set(key, Math.max(seq, expected.get(key) ?? 0))
      }
      const copy = new MarkTable(1000)
      for (const part of table.snapshot()) copy.load(part)
      for (const one of [table, copy]) {
        const found = new Map<string, number>()
        for (const source of ['a/1/0', 'b/1/0', '7', '__proto__']) {
          const flat = one.of(source)
          for (let i = 0; i < flat.length; i += 2)
            found.set(`${source} ${flat[i]}`, flat[i + 1] ?? 0)
        }
        assert.deepEqual(found, expected)
        assert.equal(one.rows, expected.size)
      }
    })
  )
})

test('a snapshot of many sources comes in several parts and back whole', () => {
  const table = new MarkTable(20_000)
  for (let i = 0; i < 12_000; i++) table.raise(`device-${i}/e/0`, i % 4, i + 1)
  const parts = [...table.snapshot()]
  assert.ok(parts.length > 1)
  const copy = new MarkTable(20_000)
  for (const part of parts) copy.load(part)
  assert.equal(copy.rows, 12_000)
  assert.deepEqual(copy.of('device-11999/e/0'), [3, 12_000])
})

test('past the bound the sources that were silent for longest go whole, and are counted', () => {
  const table = new MarkTable(10)
  for (let i = 0; i < 5; i++) for (const shard of [0, 1]) table.raise(`s${i}`, shard, 1)
  table.raise('s0', 0, 2)
  table.raise('new', 0, 1)
  assert.ok(table.rows <= 10)
  assert.deepEqual(table.of('s1'), [])
  assert.deepEqual(table.of('s0'), [0, 2, 1, 1])
  assert.deepEqual(table.of('new'), [0, 1])
  assert.ok(table.evicted > 0)
})

test('no number of sources of one batch pushes out one that goes on, also through a snapshot', () => {
  const table = new MarkTable(10)
  const once = (i: number) => `phone/${onceEpochHead}${i}/0`
  table.raise('device/e/0', 0, 7)
  for (let i = 0; i < 1000; i++) table.raise(once(i), 0, 1)
  const copy = new MarkTable(10)
  for (const part of table.snapshot()) copy.load(part)
  for (const one of [table, copy]) {
    assert.deepEqual(one.of('device/e/0'), [0, 7])
    assert.deepEqual(one.of(once(999)), [0, 1])
    assert.deepEqual(one.of(once(0)), [])
    assert.ok(one.rows <= 15, `${one.rows} rows`)
  }
})
