import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import {
  blob,
  hashKey,
  integer,
  parseInput,
  partitionKey,
  streamMembers,
  timestamp
} from '../../../../../gateway/engines/embedded/wire/shapes.ts'
import { isError } from './data/data-api.ts'

const shape = z.object({
  ...streamMembers,
  Data: blob(4).optional(),
  PartitionKey: partitionKey().optional(),
  ExplicitHashKey: hashKey().optional(),
  Limit: integer(1, 10_000).optional(),
  Timestamp: timestamp().optional(),
  DryRun: z.boolean().optional(),
  Type: z.enum(['LATEST', 'TRIM_HORIZON']).optional(),
  Tags: z.record(z.string(), z.string()).optional(),
  Records: z
    .array(z.object({ Data: blob(), PartitionKey: partitionKey() }))
    .min(1)
    .max(2)
    .optional()
})

test('blobs are buffers and times dates, whichever way they came', () => {
  const seconds = 1_603_152_823.565
  const data = Buffer.from('abc')
  const time = new Date(1_603_152_823_565)
  const json = { Data: data.toString('base64'), Timestamp: seconds }
  assert.deepEqual(parseInput(shape, json), { Data: data, Timestamp: time })
  assert.deepEqual(parseInput(shape, { Data: data, Timestamp: time }), {
    Data: data,
    Timestamp: time
  })
  assert.deepEqual(parseInput(shape, { Data: '' }), { Data: Buffer.alloc(0) })
})

test('members that are null or unknown are as if absent, and so is an empty body', () => {
  const sent = { StreamName: null, Other: 1, Tags: { a: null }, Limit: 3.7 }
  assert.deepEqual(parseInput(shape, sent), { Tags: {}, Limit: 3 })
  assert.deepEqual(parseInput(shape, undefined), {})
  assert.deepEqual(parseInput(shape, null), {})
})

test('a partition key may have 256 characters of any width', () => {
  assert.equal(parseInput(shape, { PartitionKey: '😀'.repeat(256) }).PartitionKey?.length, 512)
  assert.throws(
    () => parseInput(shape, { PartitionKey: '😀'.repeat(257) }),
    isError('ValidationException', /length less than or equal to 256$/)
  )
})

const wrongTypes: readonly (readonly [name: string, input: unknown, text: string])[] = [
  ['StreamName', true, 'class java.lang.Boolean can not be converted to an String'],
  ['StreamName', 23, 'class java.math.BigDecimal can not be converted to an String'],
  ['StreamName', [], 'Start of list found where not expected'],
  ['StreamName', {}, 'Start of structure or map found where not expected.'],
  ['Type', 23, 'class java.math.BigDecimal can not be converted to an String'],
  ['Limit', '5', 'class java.lang.String can not be converted to an Integer'],
  ['DryRun', 'hello', "'HELLO' can not be converted to an Boolean"],
  ['DryRun', 1, 'class java.math.BigDecimal can not be converted to an Boolean'],
  ['Timestamp', 'now', 'class java.lang.String can not be converted to milliseconds since epoch'],
  ['Data', 23, 'class java.math.BigDecimal can not be converted to a Blob'],
  ['Data', 'ab_', "'ab_' can not be converted to a Blob: it is not base64"],
  ['Data', 'a*==', "'a*==' can not be converted to a Blob: it is not base64"],
  ['Records', 'a', 'Expected list or null'],
  ['Records', {}, 'Start of structure or map found where not expected.'],
  ['Records', [1], 'Expected null'],
  ['Records', [[]], 'Start of list found where not expected'],
  ['Tags', 'a', 'Expected map or null'],
  ['Tags', [], 'Start of list found where not expected']
]

test('a member of the wrong type is a SerializationException with the text of the service', () => {
  for (const [name, input, text] of wrongTypes) {
    const sent = { StreamName: '', [name]: input }
    assert.throws(() => parseInput(shape, sent), isError('SerializationException', text))
  }
  assert.throws(() => parseInput(shape, 'text'), isError('SerializationException'))
})

test('what is out of bounds is counted and named as the service does', () => {
  const long = 'a'.repeat(129)
  const cases: readonly (readonly [input: object, text: string])[] = [
    [
      { StreamName: '' },
      "2 validation errors detected: Value '' at 'streamName' failed to satisfy constraint: Member must have length greater than or equal to 1; Value '' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
    ],
    [
      { StreamName: long },
      `1 validation error detected: Value '${long}' at 'streamName' failed to satisfy constraint: Member must have length less than or equal to 128`
    ],
    [
      { StreamARN: 'arn' },
      "1 validation error detected: Value 'arn' at 'streamARN' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+"
    ],
    [
      { ExplicitHashKey: '01' },
      "1 validation error detected: Value '01' at 'explicitHashKey' failed to satisfy constraint: Member must satisfy regular expression pattern: 0|([1-9]\\d{0,38})"
    ],
    [
      { Limit: 0 },
      "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1"
    ],
    [
      { Type: 'x' },
      "1 validation error detected: Value 'x' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [LATEST, TRIM_HORIZON]"
    ],
    [
      { Data: 'aaaaaaaa' },
      "1 validation error detected: Value 'java.nio.HeapByteBuffer[pos=0 lim=6 cap=6]' at 'data' failed to satisfy constraint: Member must have length less than or equal to 4"
    ],
    [
      { Records: [{ Data: 'aaaa', PartitionKey: '' }, { Data: null }] },
      "3 validation errors detected: Value '' at 'records.1.member.partitionKey' failed to satisfy constraint: Member must have length greater than or equal to 1; Value null at 'records.2.member.data' failed to satisfy constraint: Member must not be null; Value null at 'records.2.member.partitionKey' failed to satisfy constraint: Member must not be null"
    ],
    [
      { Records: [] },
      "1 validation error detected: Value '[]' at 'records' failed to satisfy constraint: Member must have length greater than or equal to 1"
    ]
  ]
  for (const [input, text] of cases) {
    assert.throws(() => parseInput(shape, input), isError('ValidationException', text))
  }
})

test('an answer tells of at most ten errors and repeats no long value', () => {
  const many = z.object({ Names: z.array(z.string().min(1)) })
  const error = isError('ValidationException', /^10 validation errors/)
  assert.throws(() => parseInput(many, { Names: Array(50).fill('') }), error)
  const short = z.object({ Name: z.string().max(1) })
  assert.throws(
    () => parseInput(short, { Name: 'a'.repeat(1e6) }),
    isError('ValidationException', /^.{4000,5000}$/)
  )
})
