import assert from 'node:assert/strict'
import { test } from 'node:test'
import { verdictOf, verdictOnFailure } from '../../../agent/sender/verdicts.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { ackOf } from '../../support/fake-gateway-script.ts'
import { frameOf } from '../../support/stored-frames.ts'

const { header } = frameOf(['a', 'b', 'c'], { first: 11 })
const single = frameOf(['a'], { first: 11 }).header

test('ok settles the batch; rejected records are parked by code and reason, each once', () => {
  const rejected = [
    { seq: 11, code: 'invalid', message: 'key' },
    { seq: 12, code: 'too_large', message: 'size' },
    { seq: 13, code: 'invalid', message: 'key' },
    { seq: 13, code: 'too_large', message: 'size' },
    { seq: 10, code: 'invalid', message: 'of another batch' },
    { seq: 14, code: 'invalid', message: 'of another batch' }
  ] as const
  assert.deepEqual(verdictOf(ackOf(header, { rejected }), header), {
    kind: 'settled',
    parked: [
      { code: 'invalid', reason: 'key', seqs: [11, 13] },
      { code: 'too_large', reason: 'size', seqs: [12] }
    ]
  })
  assert.deepEqual(verdictOf(ackOf(header, {}), header), { kind: 'settled', parked: [] })
})

test('an invalid batch is parked whole, and so is a single record that is too large', () => {
  const invalid = verdictOf(ackOf(header, { code: 'invalid', message: 'no CBOR' }), header)
  assert.deepEqual(invalid, { kind: 'settled', parked: [{ code: 'invalid', reason: 'no CBOR' }] })
  const large = ackOf(single, { code: 'too_large' })
  assert.deepEqual(verdictOf(large, single), {
    kind: 'settled',
    parked: [{ code: 'too_large', reason: 'too_large' }]
  })
  assert.deepEqual(verdictOf(ackOf(header, { code: 'too_large' }), header), { kind: 'split' })
})

test('what is over a quota waits alone, what the gateway cannot take makes all wait', () => {
  const throttled = ackOf(header, { code: 'throttled', retryAfterMs: 700 })
  const stream = { kind: 'wait', scope: 'stream', retryAfterMs: 700 }
  assert.deepEqual(verdictOf(throttled, header), stream)
  const gateway = { kind: 'wait', scope: 'gateway', retryAfterMs: 0 }
  assert.deepEqual(verdictOf(ackOf(header, { code: 'unavailable' }), header), gateway)
})

test('a retry is never put off by more than an hour', () => {
  const endless = verdictOf(ackOf(header, { code: 'throttled', retryAfterMs: 1e12 }), header)
  assert.deepEqual(endless, { kind: 'wait', scope: 'stream', retryAfterMs: 3_600_000 })
})

test('what only a person can change is held: the stream, or all', () => {
  for (const code of ['forbidden', 'unknown_stream'] as const) {
    const verdict = verdictOf(ackOf(header, { code, message: 'why' }), header)
    assert.deepEqual(verdict, { kind: 'hold', scope: 'stream', code, why: 'why' })
  }
  const verdict = verdictOf(ackOf(header, { code: 'unauthorized' }), header)
  const why = 'unauthorized'
  assert.deepEqual(verdict, { kind: 'hold', scope: 'gateway', code: 'unauthorized', why })
  assert.equal(verdictOnFailure(new HeadwaterError('unauthorized', '401')).kind, 'hold')
})

test('out of order rewinds', () => {
  assert.deepEqual(verdictOf(ackOf(header, { code: 'out_of_order' }), header), { kind: 'rewind' })
})

test('a transport failure says nothing of the batch, only an unreadable frame is parked', () => {
  for (const code of ['transport', 'internal', 'store_full'] as const) {
    const error = new HeadwaterError(code, 'cut', { retryAfterMs: 5 })
    assert.deepEqual(verdictOnFailure(error), { kind: 'lost', retryAfterMs: 5, error })
  }
  assert.deepEqual(verdictOnFailure(new HeadwaterError('invalid', 'not CBOR')), {
    kind: 'settled',
    parked: [{ code: 'unreadable', reason: 'not CBOR' }]
  })
})
