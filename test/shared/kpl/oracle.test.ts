import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import test from 'node:test'
import { decode } from 'cbor-x'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { AggregateWriter } from '../../../shared/kpl/aggregate-writer.ts'
import { decodeAggregate } from '../../../shared/kpl/deaggregate.ts'
import { kplMagic } from '../../../shared/kpl/kpl.ts'
import { member, partitionKey, runOf, source } from './columns.ts'

const proto = `
syntax = "proto2";
message AggregatedRecord {
  repeated string partition_key_table = 1;
  repeated string explicit_hash_key_table = 2;
  repeated Record records = 3;
  optional bytes extra = 100;
}
message Record {
  required uint64 partition_key_index = 1;
  optional uint64 explicit_hash_key_index = 2;
  required bytes data = 3;
  repeated Tag tags = 4;
}
message Tag { required string key = 1; optional string value = 2; }
`
const { root } = protobuf.parse(proto, { keepCase: true })
const AggregatedRecord = root.lookupType('AggregatedRecord')
// A reader of others: it does not know our field.
const foreign = protobuf.parse(proto.replace('optional bytes extra = 100;', ''), { keepCase: true })
const ForeignRecord = foreign.root.lookupType('AggregatedRecord')

function wrap(message: Uint8Array): Buffer {
  const digest = createHash('md5').update(message).digest()
  return Buffer.concat([kplMagic, message, digest])
}

const vector = Buffer.from(
  'f3899ac20a026b310a026b321a0908001a0568656c6c6f1a0908011a05776f726c64' +
    'c4b234c121650f4512d22bf67dca9de2',
  'hex'
)

test('the aggregate of the KPL documentation is read', () => {
  const members = decodeAggregate(vector)
  assert.deepEqual(members?.partitionKeys, ['k1', 'k2'])
  assert.deepEqual(members?.data.map(String), ['hello', 'world'])
  assert.deepEqual([...(members?.partitionKey ?? [])], [0, 1])
  assert.deepEqual([...(members?.explicitHashKey ?? [])], [0xffffffff, 0xffffffff])
  assert.equal(members?.extra, undefined)
})

function ours(members: Parameters<typeof runOf>[0], from: Parameters<typeof runOf>[1]): Buffer {
  const writer = new AggregateWriter(1e6)
  writer.begin('12345')
  assert.equal(writer.add(runOf(members, from, 7), 0, members.length), members.length)
  return writer.finish()
}

const some = fc.array(member, { minLength: 1, maxLength: 30 })

test('protobufjs reads what is written here and would write the same bytes', () => {
  fc.assert(
    fc.property(some, source, (members, from) => {
      const message = ours(members, from).subarray(4, -16)
      const read = AggregatedRecord.decode(message)
      const plain = AggregatedRecord.toObject(read, { longs: Number })
      const keys = [...new Set(members.map((one) => one.partitionKey))]
      assert.deepEqual(plain.partition_key_table, keys)
      assert.deepEqual(plain.explicit_hash_key_table, ['12345'])
      assert.deepEqual(
        plain.records,
        members.map((one) => ({
          partition_key_index: keys.indexOf(one.partitionKey),
          explicit_hash_key_index: 0,
          data: one.data
        }))
      )
      const { seqs, times, sources } = decode(plain.extra)
      assert.deepEqual(seqs, [7, ...members.slice(1).map(() => 1)])
      assert.equal(times.length, members.length)
      assert.deepEqual(sources, [[from.device, Buffer.from(from.epoch, 'hex'), from.lane]])
      assert.deepEqual(Buffer.from(AggregatedRecord.encode(read).finish()), message)
    })
  )
})

const foreignMember = fc.record(
  {
    partition_key_index: fc.nat({ max: 2 }),
    explicit_hash_key_index: fc.nat({ max: 1 }),
    data: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
    tags: fc.array(fc.record({ key: fc.string(), value: fc.string() }), { maxLength: 2 })
  },
  { requiredKeys: ['partition_key_index', 'data'] }
)

test('aggregates that protobufjs writes are read, with tags and without hash keys', () => {
  const message = fc.record({
    partition_key_table: fc.array(partitionKey, { minLength: 3, maxLength: 3 }),
    explicit_hash_key_table: fc.constant(['0', '17']),
    records: fc.array(foreignMember, { maxLength: 10 })
  })
  fc.assert(
    fc.property(message, (plain) => {
      const bytes = ForeignRecord.encode(ForeignRecord.fromObject(plain)).finish()
      const members = decodeAggregate(wrap(bytes))
      assert.ok(members)
      assert.equal(members.extra, undefined)
      assert.deepEqual(members.partitionKeys, plain.partition_key_table)
      assert.deepEqual(
        members.data.map((data, i) => [
          members.partitionKey[i],
          members.explicitHashKey[i] === 0xffffffff ? undefined : members.explicitHashKey[i],
          data
        ]),
        plain.records.map((one) => [one.partition_key_index, one.explicit_hash_key_index, one.data])
      )
    })
  )
})

interface UserRecord {
  readonly partitionKey: string
  readonly explicitPartitionKey: string
  readonly data: string
}
type Deaggregate = (
  record: object,
  checksums: boolean,
  done: (error: Error | undefined, records: UserRecord[]) => void
) => void

const { deaggregateSync } = createRequire(import.meta.url)('aws-kinesis-agg') as {
  deaggregateSync: Deaggregate
}

test('aws-kinesis-agg reads what is written here and passes over the extra columns', () => {
  fc.assert(
    fc.property(some, source, (members, from) => {
      const data = ours(members, from).toString('base64')
      let read: UserRecord[] = []
      deaggregateSync({ partitionKey: 'a', sequenceNumber: '1', data }, true, (error, records) => {
        assert.ifError(error)
        read = records
      })
      assert.deepEqual(
        read.map((one) => [one.partitionKey, one.explicitPartitionKey, one.data]),
        members.map((one) => [one.partitionKey, '12345', one.data.toString('base64')])
      )
    })
  )
})
