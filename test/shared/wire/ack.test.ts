import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Ack,
  answers,
  decodeAckCbor,
  decodeAckJson,
  encodeAckCbor,
  encodeAckJson
} from '../../../shared/wire/ack.ts'
import { encodeCbor } from '../../../shared/wire/cbor.ts'

const ack: Ack = {
  epoch: '00112233445566778899aabbccddeeff',
  stream: 'telemetry',
  first: 11,
  count: 2,
  code: 'ok',
  through: 12,
  rejected: [{ seq: 12, code: 'too_large', message: 'record over 1 MiB' }],
  retryAfterMs: 250,
  pace: { bytesPerSecond: 1000 },
  limits: { maxBatchBytes: 10, maxRecordBytes: 5 }
}

test('an ack survives CBOR and JSON', () => {
  assert.deepEqual(decodeAckCbor(encodeAckCbor(ack)), ack)
  assert.deepEqual(decodeAckJson(encodeAckJson(ack)), ack)
})

test('an ack answers only the batch that it names', () => {
  assert.ok(answers(ack, ack))
  for (const other of [{ epoch: 'f' }, { stream: 's' }, { first: 1 }, { count: 1 }]) {
    assert.ok(!answers(ack, { ...ack, ...other }))
  }
})

test('what is not an ack is refused: a page, another version, an unknown code, a missing field', () => {
  for (const text of ['<html>', '{}', '[]', 'null', '{"v":1}', '"ok"']) {
    assert.throws(() => decodeAckJson(text), { code: 'invalid' })
  }
  const map = { v: 1, ...ack, epoch: Buffer.alloc(16) }
  for (const change of [
    { v: 2 },
    { code: 'fine' },
    { through: -1 },
    { epoch: 'x' },
    { rejected: 1 }
  ]) {
    assert.throws(() => decodeAckCbor(encodeCbor({ ...map, ...change })), { code: 'invalid' })
  }
})
