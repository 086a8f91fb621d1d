import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ShardTable } from '../../../../../../../gateway/engines/embedded/shard-table.ts'
import { KeyTable } from '../../../../../../../gateway/engines/embedded/wire/data/plain-put/key-table.ts'
import { readPlainBody } from '../../../../../../../gateway/engines/embedded/wire/data/plain-put/plain-body.ts'
import { shardRuns } from '../../../../../../../gateway/engines/embedded/wire/data/plain-put/shard-runs.ts'
import { putRecordsShape } from '../../../../../../../gateway/engines/embedded/wire/data/put-records.ts'
import { hashOf } from '../../../../../../../gateway/engines/embedded/wire/data/record-input.ts'
import { jsonFormat } from '../../../../../../../gateway/engines/embedded/wire/protocol/json-format.ts'
import { parseInput } from '../../../../../../../gateway/engines/embedded/wire/shapes.ts'
import { WireError } from '../../../../../../../gateway/engines/embedded/wire/wire-error.ts'

const shards = ShardTable.uniform(3, 100)
const table = new KeyTable()

interface Read {
  readonly StreamName: string | undefined
  readonly StreamARN: string | undefined
  readonly records: readonly {
    readonly key: string
    readonly hash: bigint
    readonly data: string
  }[]
}

/** What the short way makes of a body; undefined when it leaves it to the ordinary one. */
function readPlain(body: Buffer): Read | undefined {
  const plain = readPlainBody(body, table)
  const placed = plain && shardRuns(body, plain, shards)
  if (!placed) return undefined
  const cursors = placed.runs.map((run) => ({ run, record: 0, at: 0 }))
  const records = placed.runOf.map((index, i) => {
    const cursor = cursors[index]
    assert.ok(cursor)
    const { run, record, at } = cursor
    const length = run.lens[record] ?? 0
    const key = run.keys[record] ?? ''
    assert.equal(key, plain.keys[i]?.text)
    assert.equal(run.row, shards.openAt(plain.hashes[i] ?? 0n))
    assert.ok(length + key.length <= run.largestBytes)
    cursor.record += 1
    cursor.at += length
    return { key, hash: plain.hashes[i] ?? 0n, data: run.data.toString('hex', at, cursor.at) }
  })
  for (const { run, record, at } of cursors) {
    assert.deepEqual([run.keys.length, run.data.length], [record, at])
  }
  const { StreamName, StreamARN } = plain.names
  return { StreamName, StreamARN, records }
}

/** What the ordinary way makes of it; undefined when it refuses it. */
function readOrdinary(body: Buffer): Read | undefined {
  try {
    const { StreamName, StreamARN, Records } = parseInput(putRecordsShape, jsonFormat.decode(body))
    const records = Records.map((record) => ({
      key: record.PartitionKey,
      hash: hashOf(record),
      data: record.Data.toString('hex')
    }))
    return { StreamName, StreamARN, records }
  } catch (thrown) {
    assert.ok(thrown instanceof WireError)
    return undefined
  }
}

/** Whether the short way takes a body, which must then be read as the ordinary way reads it. */
function isTaken(body: string | Buffer): boolean {
  const bytes = Buffer.from(body)
  const plain = readPlain(bytes)
  if (plain) assert.deepEqual(plain, readOrdinary(bytes), bytes.toString())
  return plain !== undefined
}

const ascii = (least: number, most: number) =>
  fc
    .array(fc.integer({ min: 0x20, max: 0x7e }), { minLength: least, maxLength: most })
    .map((codes) => String.fromCharCode(...codes).replaceAll(/["\\]/g, '_'))
const space = fc.stringMatching(/^[ \n\r\t]{0,2}$/)
const base64 = fc
  .uint8Array({ maxLength: 40 })
  .map((bytes) => Buffer.from(bytes).toString('base64'))
const topHash = (1n << 128n) - 1n

/** An object as text with its members in any order, and spaces between. */
function objectText(members: fc.Arbitrary<readonly (readonly [string, string])[]>) {
  return fc.tuple(members, fc.infiniteStream(space)).chain(([list, spaces]) =>
    fc.shuffledSubarray([...list], { minLength: list.length }).map((shuffled) => {
      const next = () => spaces.next().value ?? ''
      const texts = shuffled.map(
        ([name, value]) => `${next()}"${name}"${next()}:${next()}${value}${next()}`
      )
      return `{${texts.join(',')}}`
    })
  )
}

const record = objectText(
  fc
    .tuple(base64, ascii(1, 256), fc.option(fc.bigInt({ min: 0n, max: topHash })))
    .map(([data, key, hash]) => [
      ['Data', `"${data}"`] as const,
      ['PartitionKey', `"${key}"`] as const,
      ...(hash === null ? [] : [['ExplicitHashKey', `"${hash}"`] as const])
    ])
)
const records = fc
  .tuple(fc.array(record, { minLength: 1, maxLength: 8 }), space)
  .map(([list, gap]) => `${gap}[${gap}${list.join(`,${gap}`)}${gap}]`)
const names = fc.constantFrom(
  [['StreamName', '"telemetry"']] as const,
  [['StreamARN', '"arn:aws:kinesis:eu-central-1:000000000000:stream/telemetry"']] as const,
  []
)
const plainBody = objectText(
  fc.tuple(records, names).map(([list, named]) => [['Records', list] as const, ...named])
)

test('a body of strings without escapes is read as the ordinary way reads it', () => {
  fc.assert(fc.property(plainBody, space, (body, gap) => assert.ok(isTaken(`${gap}${body}${gap}`))))
})

test('a body with some bytes changed is left alone, or read as the ordinary way reads it', () => {
  const byte = fc.oneof(
    fc.constantFrom(...'"\\{}[],:=-_ \0\x7f', '\u0080', '\u00ff').map((one) => one.charCodeAt(0)),
    fc.integer({ min: 0, max: 255 })
  )
  const change = fc.record({ at: fc.nat(), byte, how: fc.constantFrom('put', 'drop', 'set') })
  const changes = fc.array(change, { minLength: 1, maxLength: 3 })
  let taken = 0
  fc.assert(
    fc.property(plainBody, changes, (text, list) => {
      let body = Buffer.from(text)
      for (const { at, byte: value, how } of list) {
        const place = at % body.length
        const head = body.subarray(0, place)
        const tail = body.subarray(how === 'put' ? place : place + 1)
        body = Buffer.concat([head, Buffer.from(how === 'drop' ? [] : [value]), tail])
      }
      if (isTaken(body)) taken += 1
    }),
    { numRuns: 1000 }
  )
  assert.ok(taken > 50, `only ${taken} were compared`)
})

test('any values at all are left alone, or read as the ordinary way reads them', () => {
  const text = fc.oneof(
    base64,
    fc.constantFrom(
      '',
      'QQ',
      'QQ=',
      'QQ==',
      'QR==',
      'Q-==',
      '====',
      'A===',
      'AAA=AAAA',
      'AA==AAAA'
    ),
    fc.constantFrom('0', '00', '-1', '1e3', String(topHash), String(topHash + 1n), '9'.repeat(39)),
    fc.string({ unit: 'binary', maxLength: 5 }),
    ascii(255, 258)
  )
  const value = fc.oneof({ weight: 5, arbitrary: text }, fc.constant(null), fc.integer())
  const member = fc.constantFrom('Data', 'PartitionKey', 'ExplicitHashKey', 'Date', '__proto__')
  const odd = fc
    .array(fc.tuple(member, value), { maxLength: 5 })
    .map((list) => `{${list.map((one) => one.map((it) => JSON.stringify(it)).join(':')).join()}}`)
  fc.assert(
    fc.property(fc.array(fc.oneof(odd, record), { maxLength: 3 }), value, (list, name) => {
      isTaken(`{"StreamName":${JSON.stringify(name)},"Records":[${list.join()}]}`)
    }),
    { numRuns: 1000 }
  )
})

test('what is out of bounds or unusual is left to the ordinary way', () => {
  const one = '{"Data":"QQ==","PartitionKey":"k"}'
  const of = (list: string, more = '') => `{"StreamName":"s","Records":[${list}]${more}}`
  assert.ok(isTaken(of(one)))
  assert.ok(isTaken(of(Array(500).fill(one).join())))
  for (const body of [
    of(''),
    of(Array(501).fill(one).join()),
    of(one, ',"DryRun":true'),
    of(one, ',"StreamName":"s"'),
    of(one, `,"Records":[${one}]`),
    of(one, ','),
    of(`${one},`),
    `${of(one)}x`,
    `\ufeff${of(one)}`,
    of('{"Data":"QQ==","PartitionKey":""}'),
    of(`{"Data":"QQ==","PartitionKey":"${'k'.repeat(257)}"}`),
    of('{"Data":"QQ==","PartitionKey":"\\u006b"}'),
    of('{"Data":"QQ==","PartitionKey":"k\\","PartitionKey":"k"}'),
    of('{"Data":"QQ==","PartitionKey":"","PartitionKey":"k"}'),
    of('{"Data":"QQ==","PartitionKey":"é"}'),
    of('{"Data":"Q\\/==","PartitionKey":"k"}'),
    of('{"Data":"QQ","PartitionKey":"k"}'),
    of('{"Data":"QQ=="}'),
    of('{"PartitionKey":"k"}'),
    of('{"Data":"QQ==","Data":"QQ==","PartitionKey":"k"}'),
    of('{"Data":"QQ==","PartitionKey":"k","ExplicitHashKey":null}'),
    of(`{"Data":"QQ==","PartitionKey":"k","ExplicitHashKey":"${topHash + 1n}"}`)
  ]) {
    assert.ok(!isTaken(body), body)
  }
})

test('a shard that would get more than a block takes is left to the ordinary way', () => {
  const data = Buffer.alloc(700_000).toString('base64')
  const [one, other] = [
    `{"Data":"${data}","PartitionKey":"a"}`,
    `{"Data":"${data}","PartitionKey":"k1"}`
  ]
  assert.notEqual(
    shards.openAt(hashOf({ Data: Buffer.alloc(0), PartitionKey: 'a' })),
    shards.openAt(hashOf({ Data: Buffer.alloc(0), PartitionKey: 'k1' }))
  )
  assert.ok(isTaken(`{"Records":[${one},${other}]}`))
  assert.ok(!isTaken(`{"Records":[${one},${one}]}`))
})
