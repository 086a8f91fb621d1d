import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import {
  type BatchHeader,
  decodeBatch,
  decodeBatchRecords,
  encodeBatch,
  frameCrc,
  gunzipBounded,
  unpackBody
} from '../../../shared/wire/batch.ts'
import { decodeCbor, encodeCbor } from '../../../shared/wire/cbor.ts'
import { encodeFrame } from '../../../shared/wire/frame.ts'

const header: BatchHeader = {
  device: 'pi-7',
  epoch: '00112233445566778899aabbccddeeff',
  stream: 'telemetry',
  first: 11,
  count: 2,
  prev: 10,
  floor: 5,
  lane: 0,
  clock: 'ntp',
  offset: -250
}
const body = Buffer.from('a stored frame')
const bytes = encodeBatch({ header, enc: 'id', body, crc: frameCrc(body) })

test('a batch decodes to its header and the stored bytes of its frame', () => {
  assert.deepEqual(decodeBatch(bytes), { header, enc: 'id', body })
})

test('a batch whose body was damaged is refused by its checksum', () => {
  const damaged = Buffer.from(bytes)
  const at = damaged.indexOf('stored')
  damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at)
  assert.throws(() => decodeBatch(damaged), { code: 'invalid', message: /"crc"/ })
})

test('a batch has as many records as it says, or is refused naming the count', () => {
  const frame = encodeFrame({
    keys: ['k'],
    times: Float64Array.of(1, 2),
    lens: Uint32Array.of(1, 1),
    data: Buffer.from('ab')
  })
  assert.equal(decodeBatchRecords({ count: 2 }, frame).data.toString(), 'ab')
  for (const count of [1, 3]) {
    assert.throws(() => decodeBatchRecords({ count }, frame), {
      code: 'invalid',
      message: /"count" is \d, the frame has 2/
    })
  }
})

for (const [field, value] of [
  ['v', 2],
  ['v', 'x'],
  ['device', 'a/b'],
  ['device', ''],
  ['epoch', Buffer.alloc(15)],
  ['epoch', 'text'],
  ['stream', 'x'.repeat(129)],
  ['first', 0],
  ['first', -1],
  ['count', 0],
  ['count', 1_000_000],
  ['prev', 11],
  ['prev', 1.5],
  ['floor', 12],
  ['lane', 2],
  ['clock', 9],
  ['offset', 1e300],
  ['enc', 'zstd'],
  ['body', 'text'],
  ['crc', -1]
] as const) {
  test(`a batch with ${field} = ${String(value).slice(0, 20)} is refused, naming the field`, () => {
    const map = decodeCbor(bytes, 'test') as Record<string, unknown>
    assert.throws(() => decodeBatch(encodeCbor({ ...map, [field]: value })), {
      code: 'invalid',
      message: new RegExp(`"${field}"`)
    })
  })
}

test('a newer batch version is refused with what to do', () => {
  const map = decodeCbor(bytes, 'test') as Record<string, unknown>
  assert.throws(() => decodeBatch(encodeCbor({ ...map, v: 2 })), { message: /update the gateway/ })
})

test('a packed body unpacks to the frame', async () => {
  assert.deepEqual(await unpackBody('gzip', gzipSync(body)), body)
})

test('a gzip bomb is refused as too large and never unpacked whole', async () => {
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024))
  await assert.rejects(gunzipBounded(bomb, 'body'), { code: 'too_large' })
})

test('what is not gzip is refused as invalid', async () => {
  await assert.rejects(unpackBody('gzip', Buffer.from('nope')), { code: 'invalid' })
})
