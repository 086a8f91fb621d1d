import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import test from 'node:test'
import fc from 'fast-check'
import { AggregateWriter } from '../../shared/kpl/aggregate-writer.ts'
import { decodeAggregate } from '../../shared/kpl/deaggregate.ts'
import { kplMagic } from '../../shared/kpl/kpl.ts'
import { encodeCbor } from '../../shared/wire/cbor.ts'
import { member, runOf, source } from '../shared/kpl/columns.ts'

/** With a digest that is right, so that the parser behind it is reached. */
function sealed(message: Uint8Array): Buffer {
  const digest = createHash('md5').update(message).digest()
  return Buffer.concat([kplMagic, message, digest])
}

/** Nothing may be announced that is not there: what comes back is no more than the bytes hold. */
function checkDecoded(data: Buffer): void {
  const members = decodeAggregate(data)
  if (!members) return
  assert.ok(members.count * 4 <= data.length)
  assert.ok(members.partitionKeys.length * 2 <= data.length)
  assert.equal(members.data.length, members.count)
  for (let i = 0; i < members.count; i++) {
    assert.ok((members.partitionKey[i] as number) < members.partitionKeys.length)
  }
  if (members.extra) {
    assert.equal(members.extra.seqs.length, members.count)
    assert.equal(members.extra.times.length, members.count)
  }
}

test('random bytes are never an aggregate that announces more than it has, and never an error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      checkDecoded(Buffer.from(bytes))
      checkDecoded(Buffer.concat([kplMagic, bytes]))
      checkDecoded(sealed(bytes))
    }),
    { numRuns: 2000 }
  )
})

const aggregate = fc
  .tuple(fc.array(member, { minLength: 1, maxLength: 10 }), source)
  .map(([members, from]) => {
    const writer = new AggregateWriter(1e6)
    writer.begin('0')
    writer.add(runOf(members, from, 1), 0, members.length)
    return writer.finish()
  })

test('an aggregate with one changed byte is no aggregate', () => {
  fc.assert(
    fc.property(aggregate, fc.nat(), fc.integer({ min: 1, max: 255 }), (data, place, change) => {
      const at = place % data.length
      data[at] = (data[at] as number) ^ change
      assert.equal(decodeAggregate(data), undefined)
    })
  )
})

test('an aggregate that is cut or mutated under a right digest is read or refused, never an error', () => {
  const mutation = fc.record({ place: fc.nat(), byte: fc.nat({ max: 255 }) })
  fc.assert(
    fc.property(
      aggregate,
      fc.array(mutation, { minLength: 1, maxLength: 5 }),
      fc.nat(),
      (data, mutations, cut) => {
        const message = Buffer.from(data.subarray(4, -16))
        for (const { place, byte } of mutations) message[place % message.length] = byte
        checkDecoded(sealed(message))
        checkDecoded(sealed(message.subarray(0, cut % message.length)))
      }
    ),
    { numRuns: 2000 }
  )
})

test('an extra field that is not ours leaves the members without identity', () => {
  const table = Buffer.from('0a016b', 'hex')
  const record = Buffer.from('1a0408001a00', 'hex')
  for (const extra of [
    encodeCbor({ v: 2 }),
    encodeCbor('text'),
    encodeCbor({ v: 1, sources: [], seqs: [1], times: [1] }),
    encodeCbor({ v: 1, sources: [['d', Buffer.alloc(16), 0]], seqs: [1, 1], times: [1] }),
    encodeCbor({ v: 1, sources: [['d', Buffer.alloc(15), 0]], seqs: [1], times: [1] }),
    Buffer.from('9a7fffffff', 'hex')
  ]) {
    const field = Buffer.concat([Buffer.from([0xa2, 0x06, extra.length]), extra])
    const members = decodeAggregate(sealed(Buffer.concat([table, record, field])))
    assert.equal(members?.count, 1)
    assert.equal(members?.extra, undefined)
  }
})
