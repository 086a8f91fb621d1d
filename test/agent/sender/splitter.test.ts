import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import type { StoredFrame } from '../../../agent/buffer/buffer.ts'
import { fitsWhole, type PieceLimits, Splitter } from '../../../agent/sender/splitter.ts'
import { keyOf, offsetsOf, type RecordColumns } from '../../../shared/record.ts'
import { frameCrc } from '../../../shared/wire/batch.ts'
import { decodeFrame, encodeFrame } from '../../../shared/wire/frame.ts'
import { failsWith } from '../../contract/transport.ts'
import { recordColumns } from '../../support/arbitraries.ts'
import { frameOf } from '../../support/stored-frames.ts'

async function piecesOf(frame: StoredFrame, limits: PieceLimits, through = 0) {
  const splitter = await Splitter.open(frame, through)
  const pieces: StoredFrame[] = []
  while (!splitter.done) pieces.push(await splitter.next(limits))
  return pieces
}

function recordsOf({ enc, body }: StoredFrame) {
  const records: RecordColumns = decodeFrame(enc === 'gzip' ? gunzipSync(body) : body)
  const offsets = offsetsOf(records.lens)
  return Array.from(records.lens, (_, i) => ({
    key: keyOf(records, i),
    time: records.times[i],
    data: records.data.toString('hex', offsets[i], offsets[i + 1]),
    attributes: records.attributes?.[i] ?? null
  }))
}

const limitsOf = fc.record({
  maxBytes: fc.integer({ min: 1, max: 2000 }),
  maxRecords: fc.integer({ min: 1, max: 50 })
})

test('the pieces of a frame hold its records in order, each with its identity', async () => {
  const property = fc.asyncProperty(
    recordColumns,
    limitsOf,
    fc.boolean(),
    async (records, limits, gzip) => {
      const plain = encodeFrame(records)
      const body = gzip ? gzipSync(plain) : plain
      const count = records.lens.length
      const frame: StoredFrame = {
        ...frameOf([], { first: 101, prev: 90, count }),
        enc: gzip ? 'gzip' : 'id',
        body,
        crc: frameCrc(body)
      }
      const pieces = await piecesOf(frame, limits)
      assert.deepEqual(pieces.flatMap(recordsOf), recordsOf(frame))
      let first = 101
      let prev = 90
      for (const piece of pieces) {
        assert.equal(piece.id, frame.id)
        assert.equal(piece.enc, frame.enc)
        assert.equal(piece.crc, frameCrc(piece.body))
        assert.deepEqual([piece.header.first, piece.header.prev], [first, prev])
        assert.equal(piece.header.count, recordsOf(piece).length)
        assert.ok(piece.header.count <= limits.maxRecords)
        first += piece.header.count
        prev = first - 1
      }
    }
  )
  await fc.assert(property)
})

test('a piece is larger than maxBytes only when it is a single record', async () => {
  const texts = Array.from({ length: 60 }, (_, i) => 'x'.repeat((i * 37) % 400))
  const limits = { maxBytes: 1024, maxRecords: 1000 }
  const pieces = await piecesOf(frameOf(texts), limits)
  assert.ok(pieces.length > 5)
  for (const { body, header } of pieces) assert.ok(body.length <= 1024 || header.count === 1)
  const tight = await piecesOf(frameOf(texts), { maxBytes: 10, maxRecords: 1000 })
  assert.equal(tight.length, texts.length)
})

test('what is settled already is left out', async () => {
  const frame = frameOf(['a', 'b', 'c', 'd'], { first: 11, prev: 10 })
  const [rest, ...others] = await piecesOf(frame, { maxBytes: 1e6, maxRecords: 100 }, 12)
  assert.deepEqual(others, [])
  assert.deepEqual([rest?.header.first, rest?.header.count, rest?.header.prev], [13, 2, 12])
})

test('a piece carries only the partition keys of its own records', async () => {
  const records: RecordColumns = {
    keys: ['k0', 'k1', 'k2'],
    key: Uint32Array.of(0, 1, 2),
    times: Float64Array.of(1, 2, 3),
    lens: Uint32Array.of(1, 1, 1),
    data: Buffer.from('abc')
  }
  const body = encodeFrame(records)
  const frame = { ...frameOf([], { count: 3 }), body }
  const pieces = await piecesOf(frame, { maxBytes: 1e6, maxRecords: 1 })
  assert.deepEqual(
    pieces.map((piece) => decodeFrame(piece.body).keys),
    [['k0'], ['k1'], ['k2']]
  )
})

test('a broken body is invalid, and so is one that disagrees with the count', async () => {
  const frame = frameOf(['a', 'b'])
  const broken = { ...frame, body: Buffer.from('no frame') }
  await assert.rejects(Splitter.open(broken, 0), failsWith('invalid'))
  const miscounted = { ...frame, header: { ...frame.header, count: 3 } }
  await assert.rejects(Splitter.open(miscounted, 0), failsWith('invalid'))
})

test('a frame fits whole when neither its records nor its bytes are over', () => {
  const frame = frameOf(['a', 'b'])
  const { length } = frame.body
  assert.equal(fitsWhole(frame, { maxBytes: length, maxRecords: 2 }), true)
  assert.equal(fitsWhole(frame, { maxBytes: length - 1, maxRecords: 2 }), false)
  assert.equal(fitsWhole(frame, { maxBytes: length, maxRecords: 1 }), false)
})
