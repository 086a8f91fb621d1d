import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { HeadwaterError } from '../../../../shared/errors.ts'
import { decodeAckCbor, decodeAckJson } from '../../../../shared/wire/ack.ts'
import { encodeBatch, frameCrc } from '../../../../shared/wire/batch.ts'
import { encodeFrame } from '../../../../shared/wire/frame.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { columns } from '../../admission/columns.ts'
import { cborBatch, epoch, header, startFront, until } from './fixture.ts'

const cbor = { 'content-type': 'application/cbor' }
const json = { 'content-type': 'application/json' }
const ndjson = { 'content-type': 'application/x-ndjson' }
const text = { 'content-type': 'text/plain' }

function post(url: string, body: Buffer | string, headers: Record<string, string>) {
  return fetch(url, { method: 'POST', body, headers })
}

async function cborAck(response: Response) {
  assert.equal(response.headers.get('content-type'), 'application/cbor')
  return decodeAckCbor(Buffer.from(await response.arrayBuffer()))
}

test('a CBOR batch is answered in CBOR with the Ack that names it, a repeat too, and stored once', async (t) => {
  const { url, disk } = await startFront(t)
  for (let round = 0; round < 2; round++) {
    const response = await post(`${url}/v1/batches`, cborBatch(1, ['a', 'b']), cbor)
    assert.equal(response.status, 200)
    const ack = await cborAck(response)
    assert.deepEqual([ack.epoch, ack.stream, ack.first, ack.count], [epoch, 'telemetry', 1, 2])
    assert.deepEqual([ack.code, ack.through], ['ok', 2])
  }
  assert.deepEqual(
    disk.records.map((one) => one.data),
    ['a', 'b']
  )
})

test('the frame, the body, or both may be gzipped', async (t) => {
  const { url, disk } = await startFront(t)
  const packed = { ...cbor, 'content-encoding': 'gzip' }
  const answers = [
    await post(`${url}/v1/batches`, cborBatch(1, ['a'], gzipSync), cbor),
    await post(`${url}/v1/batches`, gzipSync(cborBatch(2, ['b'])), packed),
    await post(`${url}/v1/batches`, gzipSync(cborBatch(3, ['c'], gzipSync)), packed)
  ]
  assert.deepEqual(
    answers.map((one) => one.status),
    [200, 200, 200]
  )
  assert.deepEqual(
    disk.records.map((one) => one.data),
    ['a', 'b', 'c']
  )
})

test('Accept chooses the format of the answer', async (t) => {
  const { url, records } = await startFront(t)
  const asJson = await post(`${url}/v1/batches`, cborBatch(1, ['a']), {
    ...cbor,
    accept: 'application/json'
  })
  assert.equal(decodeAckJson(await asJson.text()).first, 1)
  await cborAck(await post(records, 'a', { ...text, accept: 'application/cbor' }))
})

test('once the header is known every refusal is an Ack that names the batch', async (t) => {
  const { url, sharding } = await startFront(t)
  const bad = (body: Buffer, enc: 'id' | 'gzip', count = 2) =>
    encodeBatch({ header: header(1, count), enc, body, crc: frameCrc(body) })
  const frame = encodeFrame(columns(['a', 'b']))
  for (const [body, status, message] of [
    [bad(Buffer.from('no frame'), 'id'), 400, /frame/],
    [bad(frame, 'gzip'), 400, /gzip/],
    [bad(frame, 'id', 3), 400, /"count" is 3.*2 records/],
    [bad(gzipSync(Buffer.alloc(17 * 1024 * 1024)), 'gzip'), 413, /unpacks/]
  ] as const) {
    const response = await post(`${url}/v1/batches`, body, cbor)
    assert.equal(response.status, status)
    const ack = await cborAck(response)
    assert.deepEqual([ack.epoch, ack.first], [epoch, 1])
    assert.match(ack.message ?? '', message)
  }
  assert.equal(sharding.taken.length, 0)
})

test('codes come with their status, and those that ask to wait with Retry-After', async (t) => {
  const { url, records, sharding } = await startFront(t)
  for (const [error, status, retryAfter] of [
    [new HeadwaterError('throttled', 'full', { retryAfterMs: 1500 }), 429, '2'],
    [new HeadwaterError('throttled', 'full', { retryAfterMs: 5 }), 429, '1'],
    [new HeadwaterError('unavailable', 'no memory'), 503, '1'],
    [new HeadwaterError('store_full', 'no disk'), 503, '1']
  ] as const) {
    sharding.refusal = error
    const response = await post(`${url}/v1/batches`, cborBatch(1, ['a']), cbor)
    assert.deepEqual([response.status, response.headers.get('retry-after')], [status, retryAfter])
    assert.equal((await cborAck(response)).code, error.kind.ack)
    assert.equal((await post(records, 'a', text)).status, status)
  }
  const early = await post(`${url}/v1/batches`, cborBatch(5, ['a']), cbor)
  assert.equal(early.status, 409)
  const unknown = await post(`${url}/v1/streams/nope/records`, 'a', text)
  assert.equal(unknown.status, 404)
  assert.match(await unknown.text(), /telemetry/)
})

test('the JSON shape without a header takes data, text and json, each with its key and time', async (t) => {
  const { records, disk, sharding } = await startFront(t)
  const body = {
    records: [
      { data: 'aGVsbG8=', partitionKey: 'k1', time: 5 },
      { text: 'grüße', time: '1970-01-01T00:00:01Z' },
      { json: { t: 21.5 } }
    ]
  }
  const response = await post(`${records}?key=k2&time=7`, JSON.stringify(body), json)
  assert.equal(response.status, 200)
  assert.deepEqual(
    disk.records.map((one) => [one.key, one.data]),
    [
      ['k1', 'hello'],
      ['k2', 'grüße'],
      ['k2', '{"t":21.5}']
    ]
  )
  assert.deepEqual(Array.from(sharding.taken[0]?.records.times ?? []), [5, 1000, 7])
})

test('the JSON shape with the header of an agent is a batch of that agent', async (t) => {
  const { records, disk } = await startFront(t)
  const { stream: _stream, count: _count, ...fields } = header(1, 1)
  const body = JSON.stringify({ ...fields, clock: 1, records: [{ text: 'a' }] })
  for (let round = 0; round < 2; round++) {
    const ack = decodeAckJson(await (await post(records, body, json)).text())
    assert.deepEqual([ack.code, ack.epoch, ack.first], ['ok', epoch, 1])
  }
  assert.deepEqual(
    disk.records.map((one) => one.source),
    [`pi-1/${epoch}/0`]
  )
})

test('NDJSON is one record a line, any other type one record a body, byte for byte', async (t) => {
  const { records, disk, sharding } = await startFront(t)
  await post(records, '{"text":"a"}\n\n{"text":"b","partitionKey":"k"}', ndjson)
  await post(`${records}?key=q`, '{"text":"c"}', {
    'content-type': 'application/x-www-form-urlencoded'
  })
  await post(records, 'd', { 'x-partition-key': 'h' })
  const bytes = Buffer.from([0, 255, 254, 10, 13])
  await post(`${records}?time=1999-12-31T23:59:59Z`, bytes, { 'content-type': 'image/x' })
  assert.deepEqual(
    disk.records.slice(0, 4).map((one) => [one.key, one.data]),
    [
      ['anonymous', 'a'],
      ['k', 'b'],
      ['q', '{"text":"c"}'],
      ['h', 'd']
    ]
  )
  const last = sharding.taken.at(-1)?.records
  assert.ok(last?.data.equals(bytes))
  assert.equal(last?.times[0], Date.UTC(1999, 11, 31, 23, 59, 59))
})

test('a post repeated with its Idempotency-Key is stored once, without it twice', async (t) => {
  const { records, disk } = await startFront(t)
  for (const headers of [{ 'idempotency-key': 'k' }, { 'idempotency-key': 'k' }, {}, {}]) {
    assert.equal((await post(records, 'a', { ...text, ...headers })).status, 200)
  }
  assert.equal(disk.records.length, 3)
  const other = await post(records, 'b', { ...text, 'idempotency-key': 'k' })
  assert.equal(other.status, 400)
  assert.match(await other.text(), /Idempotency-Key/)
  const long = await post(records, 'b', { ...text, 'idempotency-key': 'k'.repeat(257) })
  assert.equal(long.status, 400)
})

test('bad records are listed by index with status 200; the rest is stored', async (t) => {
  const { records, disk } = await startFront(t)
  const mixed = await post(
    records,
    '{"text":"a"}\n{"text":"b","partitionKey":""}\n{"text":"c"}\n',
    ndjson
  )
  assert.equal(mixed.status, 200)
  const { rejected } = (await mixed.json()) as { rejected: { index: number; code: string }[] }
  assert.deepEqual(
    rejected.map(({ index, code }) => [index, code]),
    [[1, 'invalid']]
  )
  assert.deepEqual(
    disk.records.map((one) => one.data),
    ['a', 'c']
  )
})

test('when nothing of a body was stored, status, code and message are those of its first record', async (t) => {
  const { records, disk } = await startFront(t)
  const large = await post(records, 'x'.repeat(5000), text)
  assert.equal(large.status, 413)
  const verdict = (await large.json()) as { code: string; message: string; rejected: object[] }
  assert.equal(verdict.code, 'too_large')
  assert.match(verdict.message, /5009 bytes.*the stream takes 1000/)
  assert.equal(verdict.rejected.length, 1)
  const keyless = await post(`${records}?key=`, 'x', text)
  assert.equal(keyless.status, 400)
  assert.match(await keyless.text(), /"code":"invalid".*partitionKey/)
  assert.deepEqual(disk.records, [])
})

test('what cannot be understood is answered 400, naming the field or line', async (t) => {
  const { url, records, sharding } = await startFront(t)
  const batch = cborBatch(1, ['a'])
  for (const [path, body, headers, message] of [
    ['', '{"records":', json, /JSON/],
    ['', '{}', json, /records/],
    ['', '{"records":[]}', json, /no records/],
    ['', '{"records":[{"data":"a"}]}', json, /records\[0\].*data/],
    ['', '{"text":"a"}\n{"text":5}', ndjson, /line 2.*text/],
    ['', '\n\n', ndjson, /no records/],
    ['', Buffer.from([0x22, 0xff, 0x22]), json, /UTF-8/],
    ['?time=yesterday', 'a', text, /time/],
    ['', 'a', { 'content-encoding': 'br' }, /Content-Encoding/],
    ['', 'a', { ...text, 'content-encoding': 'gzip' }, /gzip/],
    ['/../../../batches', batch, text, /Content-Type/],
    ['/../../../batches', batch.subarray(0, -3), cbor, /batch/],
    ['/../../../batches', 'junk', cbor, /batch/]
  ] as const) {
    const response = await post(`${records}${path}`, body, headers)
    const answer = await response.text()
    assert.equal(response.status, 400, answer)
    assert.match(answer, message)
    assert.equal(JSON.parse(answer).code, 'invalid')
  }
  assert.equal(sharding.taken.length, 0)
  assert.equal((await fetch(`${url}/healthz`)).status, 200)
})

test('keys of a body that name a prototype are data and nothing else', async (t) => {
  const { records } = await startFront(t)
  const body =
    '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"records":[{"text":"a","attributes":{"__proto__":"x","constructor":"y"}}]}'
  assert.equal((await post(records, body, json)).status, 200)
  assert.equal(Reflect.get({}, 'polluted'), undefined)
})

test('a batch that is not durable in time is answered 503; the work goes on and the repeat attaches', async (t) => {
  const clock = new ManualClock()
  const { url, records, sharding, disk } = await startFront(t, { clock })
  sharding.holds = true
  const sends = () => [
    post(`${url}/v1/batches`, cborBatch(1, ['a']), cbor),
    post(records, 'b', { ...text, 'idempotency-key': 'k' })
  ]
  const first = sends()
  await until(() => sharding.taken.length === 2)
  await clock.advance(19_999)
  await clock.advance(1)
  for (const response of await Promise.all(first)) {
    assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '1'])
  }
  const again = sends()
  await until(() => clock.sleeping === 2)
  sharding.land()
  for (const response of await Promise.all(again)) assert.equal(response.status, 200)
  assert.deepEqual(disk.records.map((one) => one.data).sort(), ['a', 'b'])
})

test('pipelined batches of one connection are answered in order and stored in order', async (t) => {
  const { url, disk } = await startFront(t)
  const { Client } = await import('undici')
  const client = new Client(url, { pipelining: 50 })
  const answers = Array.from({ length: 40 }, (_, i) =>
    client.request({
      method: 'POST',
      path: '/v1/batches',
      headers: cbor,
      // Packed bodies take a turn of the thread pool and overtake each other.
      body: cborBatch(1 + i, [String(i)], i % 3 === 0 ? gzipSync : undefined),
      idempotent: true,
      blocking: false
    })
  )
  for (const answer of answers) {
    const { statusCode, body } = await answer
    assert.equal(statusCode, 200, await body.text())
    await body.dump()
  }
  await client.close()
  assert.deepEqual(
    disk.records.map((one) => one.data),
    Array.from({ length: 40 }, (_, i) => String(i))
  )
})
