import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HeadwaterError } from '../../shared/errors.ts'
import { decodeAckCbor, decodeAckJson } from '../../shared/wire/ack.ts'
import { decodeBatch, encodeBatch, frameCrc } from '../../shared/wire/batch.ts'
import { decodeFrame, encodeFrame } from '../../shared/wire/frame.ts'
import { decodeJsonBatch, decodeNdjson } from '../../shared/wire/json.ts'
import { recordColumns } from '../support/arbitraries.ts'

const defaults = { partitionKey: 'k', time: 0 }

/** A parser may refuse with a clear error; anything else that is thrown is a defect. */
function refusesCleanly(parse: () => unknown): void {
  try {
    parse()
  } catch (error) {
    assert.ok(error instanceof HeadwaterError, String(error))
    assert.ok(error.code === 'invalid' || error.code === 'too_large', error.code)
    assert.ok(error.message.length < 1000, 'an error does not repeat its input')
  }
}

test('random bytes are refused cleanly by every decoder', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const buffer = Buffer.from(bytes)
      refusesCleanly(() => decodeBatch(buffer))
      refusesCleanly(() => decodeFrame(buffer))
      refusesCleanly(() => decodeAckCbor(buffer))
      refusesCleanly(() => decodeAckJson(buffer.toString('latin1')))
      refusesCleanly(() => decodeJsonBatch(buffer.toString('latin1'), defaults))
    }),
    { numRuns: 2000 }
  )
})

test('frames and batches with bytes changed, cut or repeated are refused or decode to columns', () => {
  const change = fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom('set', 'cut', 'double'))
  fc.assert(
    fc.property(
      recordColumns,
      fc.array(change, { minLength: 1, maxLength: 4 }),
      (records, edits) => {
        const frame = mutate(encodeFrame(records), edits)
        refusesCleanly(() => {
          const { lens, times, data } = decodeFrame(frame)
          assert.equal(times.length, lens.length)
          assert.equal(
            lens.reduce((sum, length) => sum + length, 0),
            data.length
          )
        })
        const batch = encodeBatch({ header, enc: 'id', body: frame, crc: frameCrc(frame) })
        refusesCleanly(() => decodeBatch(mutate(batch, edits)))
      }
    ),
    { numRuns: 1000 }
  )
})

test('any JSON value is refused cleanly or is a batch', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (value, record) => {
      refusesCleanly(() => decodeJsonBatch(JSON.stringify(value), defaults))
      refusesCleanly(() => decodeJsonBatch(JSON.stringify({ records: [record] }), defaults))
      refusesCleanly(() => decodeNdjson(JSON.stringify(record), defaults))
      refusesCleanly(() => decodeAckJson(JSON.stringify(value)))
    }),
    { numRuns: 1000 }
  )
})

test('keys that name parts of a prototype are ordinary data', () => {
  const text =
    '{"records":[{"text":"x","partitionKey":"__proto__","attributes":{"constructor":"c"}}]}'
  const { records } = decodeJsonBatch(text, defaults)
  assert.deepEqual(records.keys, ['__proto__'])
  assert.deepEqual(records.attributes, [{ constructor: 'c' }])
  assert.equal(({} as Record<string, unknown>)['x'], undefined)
})

const header = {
  device: 'd',
  epoch: '00'.repeat(16),
  stream: 's',
  first: 1,
  count: 1,
  prev: 0,
  floor: 1,
  lane: 0,
  clock: 'ntp',
  offset: 0
} as const

function mutate(bytes: Buffer, edits: readonly (readonly [number, number, string])[]): Buffer {
  let out = Buffer.from(bytes)
  for (const [at, value, kind] of edits) {
    const place = out.length === 0 ? 0 : at % out.length
    if (kind === 'set' && out.length > 0) out.writeUInt8(value, place)
    if (kind === 'cut') out = out.subarray(0, place)
    if (kind === 'double') out = Buffer.concat([out, out.subarray(place)])
  }
  return out
}
