import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CursorTable } from '../../../agent/buffer/cursor-table.ts'

function cursor(source: string, version: number, through: number) {
  return { source, version, through, position: Buffer.from(`${version}`) }
}

test('a cursor is settled when all frames up to it are, and an older one until then', () => {
  const table = new CursorTable()
  table.apply('drop-oldest', [cursor('x', 1, 10)])
  table.apply('drop-oldest', [cursor('x', 2, 20)])
  const settled = (lowest: number) =>
    table.takeSettled({ 'drop-oldest': lowest, block: 0 }).map(({ version }) => version)
  assert.deepEqual(settled(10), [])
  assert.deepEqual(settled(11), [1])
  assert.deepEqual(settled(20), [])
  table.apply('drop-oldest', [cursor('x', 3, 30)])
  assert.deepEqual(settled(21), [2])
  assert.deepEqual(settled(40), [3])
  assert.deepEqual(settled(50), [])
})

test('the newest version counts, in whatever order they come', () => {
  const table = new CursorTable()
  table.apply('block', [cursor('x', 5, 1)])
  table.apply('drop-oldest', [cursor('x', 4, 1)])
  assert.equal(table.positions('x').get('x')?.toString(), '5')
  assert.deepEqual(table.of('drop-oldest'), [])
})

test('removed cursors are remembered, a thousand at most', () => {
  const table = new CursorTable()
  for (let i = 1; i <= 1500; i++) {
    table.apply('block', [cursor(`x:${i}`, 2 * i, 0)])
    table.apply('block', [{ ...cursor(`x:${i}`, 2 * i + 1, 0), position: Buffer.alloc(0) }])
  }
  assert.equal(table.positions('x').size, 0)
  assert.equal(table.of('block').length, 1000)
})
