import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountedTransport } from '../../../agent/link/counted-transport.ts'
import { wireBytes } from '../../../agent/link/wire-bytes.ts'
import { frameOf } from '../../support/stored-frames.ts'
import { FakeTransport } from '../sender/fake-transport.ts'

const never = new AbortController().signal

function setup() {
  const fake = new FakeTransport()
  const told = { bytes: 0, failures: 0 }
  const counted = new CountedTransport(fake, {
    moved: (bytes) => {
      told.bytes += bytes
    },
    failed: () => {
      told.failures += 1
    }
  })
  return { fake, counted, told }
}

test('a batch counts with its bytes, its exchange and the connection made for it', async () => {
  const { fake, counted, told } = setup()
  const sent = counted.send(frameOf(['a']), never)
  assert.ok(counted.pendingBytes > 200)
  fake.moved = 5000
  fake.connected = 1
  fake.only().answer()
  await sent
  assert.equal(told.bytes, wireBytes({ bytes: 5001, exchanges: 1, connections: 1 }, false))
  assert.equal(counted.pendingBytes, 0)
})

test('a batch that fails counts too, and is told', async () => {
  const { fake, counted, told } = setup()
  const sent = counted.send(frameOf(['a']), never)
  fake.only().fail()
  await assert.rejects(sent, { code: 'transport' })
  assert.equal(told.failures, 1)
  assert.equal(told.bytes, wireBytes({ bytes: 1, exchanges: 1, connections: 0 }, false))
  assert.equal(counted.pendingBytes, 0)
})

test('a ping of an idle connection counts as an exchange, silence as nothing', () => {
  const { fake, counted, told } = setup()
  fake.moved = 4
  counted.count()
  assert.equal(told.bytes, wireBytes({ bytes: 4, exchanges: 1, connections: 0 }, false))
  const { bytes } = told
  counted.count()
  assert.equal(told.bytes, bytes)
})

test('what moves until the connection is closed counts', async () => {
  const { fake, counted, told } = setup()
  fake.moved = 100
  await counted.close()
  assert.equal(fake.closed, true)
  assert.ok(told.bytes > 300)
})
