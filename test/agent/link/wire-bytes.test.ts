import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { wireBytes } from '../../../agent/link/wire-bytes.ts'

test('a megabyte in large batches costs some percent more on the wire', () => {
  const bytes = wireBytes({ bytes: 1_000_000, exchanges: 4, connections: 1 }, true)
  assert.ok(bytes > 1_050_000 && bytes < 1_080_000, String(bytes))
})

test('a small batch on a connection of its own costs mostly the handshake', () => {
  const bytes = wireBytes({ bytes: 700, exchanges: 1, connections: 1 }, true)
  assert.ok(bytes > 6_500 && bytes < 8_000, String(bytes))
  assert.ok(wireBytes({ bytes: 700, exchanges: 1, connections: 1 }, false) < 1_600)
})

test('the estimate is never less than what moved, and rises with it', () => {
  const count = fc.nat(1e9)
  const traffic = fc.record({ bytes: count, exchanges: fc.nat(1e6), connections: fc.nat(1e6) })
  fc.assert(
    fc.property(traffic, count, fc.boolean(), (some, more, tls) => {
      const bytes = wireBytes(some, tls)
      assert.ok(Number.isSafeInteger(bytes) && bytes >= some.bytes)
      assert.ok(wireBytes({ ...some, bytes: some.bytes + more }, tls) >= bytes + more)
    })
  )
})
