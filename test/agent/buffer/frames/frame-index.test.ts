import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FrameIndex, frameId, framePlace } from '../../../../agent/buffer/frames/frame-index.ts'
import type { FrameRow } from '../../../../agent/buffer/frames/frame-row.ts'

function frame(id: number, first: number, facts: Partial<FrameRow> = {}): FrameRow {
  return {
    id,
    version: id,
    stream: 'a',
    epoch: 'e1',
    lane: 0,
    first,
    count: 10,
    prev: first - 1,
    wallMs: 1000 + id,
    uptimeMs: id,
    boot: 'b',
    clock: 'unsynced',
    correctable: true,
    enc: 'id',
    sources: [],
    unrepeatable: 0,
    crc: 0,
    body: Buffer.alloc(0),
    ...facts
  }
}

test('a frame id names the place of its frame', () => {
  const place = { run: 3, id: 77, first: 1001, last: 1300 }
  assert.deepEqual(framePlace(frameId(place)), place)
})

test('the floor is the lowest number that is held, whatever the order of the releases', () => {
  const index = new FrameIndex()
  const frames = [1, 11, 21, 31].map((first, i) => frame(i + 1, first))
  const [run] = frames.map((one) => index.add(1, one))
  assert.ok(run)
  const release = (first: number) => index.settle(run, [first, first + 9])
  release(21)
  assert.equal(index.floor('a', 'e1'), 1)
  release(1)
  assert.equal(index.floor('a', 'e1'), 11)
  assert.equal(release(11), 10)
  assert.equal(release(11), 0)
  assert.equal(index.floor('a', 'e1'), 31)
  release(31)
  assert.equal(index.floor('a', 'e1'), 0)
  assert.deepEqual(index.streams(), [])
  index.add(1, frame(5, 41))
  assert.equal(index.floor('a', 'e1'), 41)
  assert.equal(index.records, 10)
})

test('the floor passes over numbers that are not there', () => {
  const index = new FrameIndex()
  const { stream, epoch, version, wallMs, uptimeMs, boot } = frame(1, 1)
  const facts = { stream, epoch, version, wallMs, uptimeMs, boot, lastVersion: 9 }
  const summary = {
    ...facts,
    firstId: 1,
    frames: 2,
    lastId: 9,
    first: 1,
    last: 90,
    gaps: [[11, 80] as const]
  }
  index.load(1, [summary], [{ stream: 'a', epoch: 'e1', ranges: [[1, 10]] }])
  assert.equal(index.floor('a', 'e1'), 81)
  assert.equal(index.records, 10)
})

test('an epoch whose first segment is dropped has its floor in the next', () => {
  const index = new FrameIndex()
  index.add(1, frame(1, 1))
  index.add(2, frame(2, 11))
  index.add(2, frame(3, 1, { stream: 'b' }))
  assert.deepEqual(index.streams(), ['a', 'b'])
  assert.deepEqual([...index.heldIn(1)], [['a', 10]])
  index.forget(1)
  assert.equal(index.floor('a', 'e1'), 11)
  assert.equal(index.records, 20)
})

test('what is kept does not grow with the number of frames', () => {
  const index = new FrameIndex()
  for (let i = 0; i < 5000; i++) index.add(1, frame(i + 1, i * 10 + 1))
  const [run] = index.runsOf('a')
  assert.ok(run && index.runsOf('a').length === 1)
  for (let i = 0; i < 4000; i++) index.settle(run, [i * 10 + 1, i * 10 + 10])
  assert.deepEqual(index.settledIn(1), [{ stream: 'a', epoch: 'e1', ranges: [[1, 40_000]] }])
})
