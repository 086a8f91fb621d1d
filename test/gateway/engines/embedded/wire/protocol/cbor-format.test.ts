import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Decoder } from 'cbor-x'
import fc from 'fast-check'
import { cborFormat } from '../../../../../../gateway/engines/embedded/wire/protocol/cbor-format.ts'
import type {
  WireObject,
  WireValue
} from '../../../../../../gateway/engines/embedded/wire/operation.ts'

const scalar: fc.Arbitrary<WireValue> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true }).filter((value) => !Number.isInteger(value)),
  fc.boolean(),
  fc.uint8Array({ maxLength: 9000 }).map((bytes) => Buffer.from(bytes)),
  fc.date({ noInvalidDate: true })
)
const members = fc.dictionary(fc.string({ maxLength: 20 }), fc.oneof(scalar, fc.array(scalar)))

test('what is written is read again, whatever it is', () => {
  fc.assert(
    fc.property(members, (value: WireObject) => {
      assert.deepEqual(plain(cborFormat.decode(cborFormat.encode(value))), plain(value))
    })
  )
})

test('another library reads what is written', () => {
  const bytes = cborFormat.encode({ text: 'é', blob: Buffer.of(1, 2), list: [1, -70_000, 3e9] })
  const decoder = new Decoder({ useRecords: false, mapsAsObjects: true })
  const value: unknown = decoder.decode(bytes)
  assert.deepEqual(value, { text: 'é', blob: Buffer.of(1, 2), list: [1, -70_000, 3e9] })
})

test('dates are milliseconds under tag 1', () => {
  const date = new Date(1_700_000_000_123)
  const bytes = cborFormat.encode({ at: date })
  assert.equal(bytes.toString('hex'), 'bf626174c11b0000018bcfe5687bff')
  assert.deepEqual(plain(cborFormat.decode(bytes)), { at: date })
})

test('maps, lists and strings of indefinite length are read, as the SDK for Java writes them', () => {
  const body = Buffer.from(
    // {_ "Records": [_ {_ "Data": (_ h'01', h'0203'), "PartitionKey": (_ "a", "b")}]}
    'bf675265636f7264739fbf64446174615f4101420203ff6c506172746974696f6e4b65797f61616162ffffffff',
    'hex'
  )
  assert.deepEqual(plain(cborFormat.decode(body)), {
    Records: [{ Data: Buffer.of(1, 2, 3), PartitionKey: 'ab' }]
  })
})

test('a member that is null is as if absent', () => {
  assert.deepEqual(plain(cborFormat.decode(Buffer.from('a26161f66162f5', 'hex'))), { b: true })
})

test('a member called __proto__ is a member', () => {
  const bytes = cborFormat.encode(Object.fromEntries([['__proto__', 1]]))
  const value = cborFormat.decode(bytes)
  assert.ok(typeof value === 'object' && value !== null)
  assert.deepEqual(Object.entries(value), [['__proto__', 1]])
})

for (const [what, hex] of [
  ['nothing', ''],
  ['a map cut short', 'a16161'],
  ['a byte string longer than the body', '5affffffff00'],
  ['a list that announces millions', '9b00000000ffffffff00'],
  ['bytes behind the end', 'a000'],
  ['a name that is a number', 'a10101'],
  ['a lone break', 'ff'],
  ['a chunk of another type', '7f4161ff'],
  ['a value that is not assigned', 'f8ff'],
  ['lists within lists within lists', '81'.repeat(20)]
] as const) {
  test(`${what} is refused`, () => {
    assert.throws(() => cborFormat.decode(Buffer.from(hex, 'hex')), {
      type: 'SerializationException'
    })
  })
}

test('any bytes are read or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        cborFormat.decode(Buffer.from(bytes))
      } catch (thrown) {
        assert.equal((thrown as Error).name, 'WireError')
      }
    }),
    { numRuns: 2000 }
  )
})

/** Maps that were read have no prototype, so that no name is special. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  if (Buffer.isBuffer(value)) return Buffer.from(value)
  if (value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]))
}
