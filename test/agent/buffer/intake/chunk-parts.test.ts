import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { chunkParts, type Part } from '../../../../agent/buffer/intake/chunk-parts.ts'
import { buildFrames } from '../../../../agent/buffer/intake/frame-builder.ts'
import { ColumnsBuilder } from '../../../../shared/columns-builder.ts'
import { keyOf, offsetsOf, type RecordColumns, recordLimits } from '../../../../shared/record.ts'
import { decodeFrame } from '../../../../shared/wire/frame.ts'
import { recordsOf } from '../../../contract/buffer.ts'

const frameBytes = 4096
const stamp = { wallMs: 5000, uptimeMs: 1000, boot: '0'.repeat(32), clock: 'unsynced' } as const
const options = { frameBytes, compression: 'none', stamp } as const

function partsOf(records: RecordColumns, stream = 'a'): Part[] {
  return chunkParts({ stream, records }, options)
}

/** One entry a record, to compare. */
function flat(records: RecordColumns): unknown[] {
  const offsets = offsetsOf(records.lens)
  return Array.from(records.lens, (_, i) => ({
    key: keyOf(records, i),
    time: records.times[i],
    data: records.data.toString('hex', offsets[i], offsets[i + 1]),
    attributes: records.attributes?.[i] ?? null
  }))
}

const record = fc.record({
  data: fc.uint8Array({ maxLength: 3000 }),
  partitionKey: fc.constantFrom('k1', 'k2', 'k3'),
  time: fc.integer(),
  attributes: fc.option(fc.constantFrom({ a: 'b' }, { c: 'x'.repeat(3000) }), { nil: undefined })
})

test('whatever the chunks, their frames hold the same records in the same order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(record, { maxLength: 12 }), { maxLength: 6 }),
      async (chunks) => {
        const columns = chunks.map((records) => {
          const builder = new ColumnsBuilder({ partitionKey: 'k', time: 0 })
          for (const { data, ...rest } of records) builder.add(data, rest)
          return builder.build()
        })
        const frames = await buildFrames(
          columns.flatMap((one) => partsOf(one)),
          options
        )
        const found = frames.flatMap(({ body, count }) => {
          const decoded = decodeFrame(body)
          assert.equal(decoded.lens.length, count)
          assert.ok(count === 1 || body.length <= 2 * frameBytes + 512, `${body.length} bytes`)
          return flat(decoded)
        })
        assert.deepEqual(found, columns.flatMap(flat))
      }
    )
  )
})

test('small chunks of one stream share a frame, until it is full', async () => {
  const parts = Array.from({ length: 10 }, () => partsOf(recordsOf('x'.repeat(900)))).flat()
  const frames = await buildFrames([...parts, ...partsOf(recordsOf('y'), 'b')], options)
  assert.deepEqual(
    frames.map(({ stream, count }) => [stream, count]),
    [
      ['a', 4],
      ['a', 4],
      ['a', 2],
      ['b', 1]
    ]
  )
})

test('a step of the wall clock closes the frame', async () => {
  const stepped = { ...stamp, wallMs: stamp.wallMs + 3_600_000, uptimeMs: stamp.uptimeMs + 10 }
  const later = chunkParts({ stream: 'a', records: recordsOf('2') }, { ...options, stamp: stepped })
  const frames = await buildFrames([...partsOf(recordsOf('1')), ...later], options)
  assert.deepEqual(
    frames.map((frame) => frame.stamp),
    [stamp, stepped]
  )
})

test('a record at the limit is taken, one above it is refused by name', async () => {
  const limit = recordLimits.recordBytes - Buffer.byteLength('key')
  assert.equal(partsOf(recordsOf('a', 'x'.repeat(limit))).length, 2)
  assert.throws(() => partsOf(recordsOf('a', 'x'.repeat(limit + 1))), {
    code: 'too_large',
    message: /^record 1 has 10485761 bytes with its key/
  })
})

test('columns that do not agree are refused', () => {
  const good = recordsOf('a', 'bc')
  const bad: RecordColumns[] = [
    { ...good, times: Float64Array.of(1) },
    { ...good, key: Uint32Array.of(0) },
    { ...good, attributes: [null] },
    { ...good, data: Buffer.from('abcd') },
    { ...good, keys: [] }
  ]
  for (const records of bad) assert.throws(() => partsOf(records), { code: 'invalid' })
  assert.throws(() => partsOf(good, 'no stream'), { code: 'invalid' })
})
