import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { keyOf, type RecordColumns } from '../../../shared/record.ts'
import { type BatchHeader, maxOffsetMs } from '../../../shared/wire/batch.ts'
import { decodeJsonBatch, decodeNdjson, encodeJsonBatch } from '../../../shared/wire/json.ts'
import { recordColumns } from '../../support/arbitraries.ts'

const defaults = { partitionKey: 'device-1', time: 1_700_000_000_000 }
const header: BatchHeader = {
  device: 'pi-7',
  epoch: '00112233445566778899aabbccddeeff',
  stream: 'telemetry',
  first: 11,
  count: 2,
  prev: 10,
  floor: 5,
  lane: 0,
  clock: 'gps',
  offset: 0
}

function rows(records: RecordColumns): unknown[] {
  let at = 0
  return Array.from(records.lens, (length, i) => {
    const data = records.data.subarray(at, at + length).toString('hex')
    at += length
    return [keyOf(records, i), records.times[i], data, records.attributes?.[i] ?? null]
  })
}

test('the JSON shape carries the same records and header as CBOR', () => {
  fc.assert(
    fc.property(recordColumns, (records) => {
      const decoded = decodeJsonBatch(encodeJsonBatch(header, records), defaults)
      assert.deepEqual(rows(decoded.records), rows(records))
      const { stream: _stream, count: _count, ...rest } = header
      assert.deepEqual(decoded.header, rest)
    })
  )
})

test('data may be base64, text or json; key and time have defaults', () => {
  const text = JSON.stringify({
    records: [
      { data: 'aGk=' },
      { text: 'é', partitionKey: 'k', time: 5 },
      { json: { a: 1 }, time: '2026-01-01T00:00:00Z' }
    ]
  })
  const { records, header } = decodeJsonBatch(text, defaults)
  assert.equal(header, undefined)
  assert.deepEqual(rows(records), [
    ['device-1', 1_700_000_000_000, '6869', null],
    ['k', 5, 'c3a9', null],
    ['device-1', Date.UTC(2026, 0, 1), Buffer.from('{"a":1}').toString('hex'), null]
  ])
})

const exact = ['12345678901234567890', '1e400', '0.1234567890123456789012', '-0', '1.10']

test('the json field is stored as it was written, also where a double cannot hold a number', () => {
  for (const value of [...exact, `[${exact.join()}]`, '{"b":1, "a" : {"x":[1e999]},"b":2}']) {
    const record = `{"partitionKey":"k","json": ${value} }`
    const body = ` { "note":"\\"records\\": [", "records" : [{"text":"}]"}, ${record}],"x":[] }`
    const { data } = decodeJsonBatch(body, defaults).records
    assert.equal(data.toString(), `}]${value}`)
    assert.equal(decodeNdjson(record, defaults).data.toString(), value)
  }
})

test('of members with the same name the last counts, however the name is written', () => {
  const record = '{"json":1,"\\u006ason":{"a":"\\\\"},"partitionKey":"k"}'
  assert.equal(decodeNdjson(record, defaults).data.toString(), '{"a":"\\\\"}')
  const body = `{"records":[{"text":"x"}],"records":[${record}]}`
  assert.equal(decodeJsonBatch(body, defaults).records.data.toString(), '{"a":"\\\\"}')
})

test('any JSON value passes through the json field, whatever surrounds it', () => {
  fc.assert(
    fc.property(fc.array(fc.json(), { maxLength: 5 }), fc.constantFrom(0, 2), (values, indent) => {
      const texts = values.map((value) => JSON.stringify(JSON.parse(value), null, indent))
      const records = texts.map((text) => `{"attributes":{"json":"{"},"json":${text}}`)
      const decoded = decodeJsonBatch(`{"records":[${records.join(',\n')}]}`, defaults).records
      assert.equal(decoded.data.toString(), texts.join(''))
    })
  )
})

test('NDJSON is one record a line, empty lines passed over, errors naming the line', () => {
  assert.equal(decodeNdjson('{"text":"a"}\n\n{"text":"b"}\n', defaults).lens.length, 2)
  assert.throws(() => decodeNdjson('{"text":"a"}\n{"text":', defaults), { message: /line 2/ })
})

for (const [record, field] of [
  [{ data: 'a' }, 'data'],
  [{ data: 'a===' }, 'data'],
  [{ data: 'aa-_' }, 'data'],
  [{ data: 1 }, 'data'],
  [{}, 'data'],
  [{ data: 'aGk=', text: 'x' }, 'data'],
  [{ text: 1 }, 'text'],
  [{ text: 'x', partitionKey: 1 }, 'partitionKey'],
  [{ text: 'x', time: 'yesterday' }, 'time'],
  [{ text: 'x', time: 1.5 }, 'time'],
  [{ text: 'x', attributes: { a: 1 } }, 'attributes'],
  [{ text: 'x', attributes: [] }, 'attributes']
] as const) {
  test(`the record ${JSON.stringify(record)} is refused, naming ${field} and its place`, () => {
    const text = JSON.stringify({ records: [{ text: 'good' }, record] })
    assert.throws(() => decodeJsonBatch(text, defaults), {
      code: 'invalid',
      message: new RegExp(`records\\[1\\].*"${field}"`)
    })
  })
}

test('an agent header with a field out of range is refused', () => {
  const base = JSON.parse(encodeJsonBatch(header, decodeNdjson('{"text":"a"}', defaults)))
  for (const change of [
    { epoch: 'XY' },
    { first: 0 },
    { prev: 11 },
    { floor: 12 },
    { lane: 7 },
    { offset: maxOffsetMs + 1 }
  ]) {
    assert.throws(() => decodeJsonBatch(JSON.stringify({ ...base, ...change }), defaults), {
      code: 'invalid',
      message: new RegExp(`"${Object.keys(change)[0]}"`)
    })
  }
})
