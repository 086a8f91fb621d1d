import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PendingPool, ReadGate } from '../../../../gateway/fronts/mqtt/read-gate.ts'
import { ManualClock } from '../../../support/manual-clock.ts'

function setup(options: { maxBytes?: number; limitBytes?: number } = {}) {
  const pool = new PendingPool(options.maxBytes ?? 10_000)
  const clock = new ManualClock()
  const gate = () => {
    const moves: string[] = []
    const socket = { pause: () => moves.push('pause'), resume: () => moves.push('resume') }
    return {
      moves,
      gate: new ReadGate(socket, { pool, clock, limitBytes: options.limitBytes ?? 100 })
    }
  }
  return { pool, clock, gate }
}

test('a socket stops at its bound and goes on at four fifths of it', () => {
  const { gate: make } = setup({ limitBytes: 100 })
  const { gate, moves } = make()
  gate.take(99)
  assert.deepEqual(moves, [])
  gate.take(1)
  gate.release(19)
  assert.deepEqual(moves, ['pause'])
  gate.release(1)
  assert.deepEqual(moves, ['pause', 'resume'])
})

test('all sockets stop at the common bound, as they next take something, and go on together', () => {
  const { gate: make, pool } = setup({ maxBytes: 1000, limitBytes: 10_000 })
  const [one, two, idle] = [make(), make(), make()]
  one.gate.take(999)
  two.gate.take(1)
  one.gate.take(1)
  assert.deepEqual([one.moves, two.moves, idle.moves], [['pause'], ['pause'], []])
  assert.equal(pool.pauses, 2)
  one.gate.release(300)
  assert.deepEqual(
    [one.moves, two.moves],
    [
      ['pause', 'resume'],
      ['pause', 'resume']
    ]
  )
})

test('an unfinished packet counts for all, not for its own connection', () => {
  const { gate: make, pool } = setup({ maxBytes: 1000, limitBytes: 100 })
  const { gate, moves } = make()
  gate.holdPartial(900)
  assert.deepEqual(moves, [])
  gate.holdPartial(1000)
  assert.deepEqual(moves, ['pause'])
  gate.close()
  assert.equal(pool.usedBytes, 0)
})

test('a socket with two reasons to stop goes on when both are gone', async () => {
  const { gate: make, clock } = setup()
  const { gate, moves } = make()
  await clock.advance(5)
  gate.block('handshake')
  await clock.advance(5)
  gate.block('broker')
  gate.unblock('handshake')
  assert.deepEqual(moves, ['pause'])
  assert.equal(gate.pausedSinceMs, 5)
  gate.unblock('broker')
  assert.deepEqual(moves, ['pause', 'resume'])
  assert.equal(gate.pausedSinceMs, undefined)
})

test('a closed connection gives back what admission held, and moves its socket no more', () => {
  const { gate: make, pool } = setup({ limitBytes: 100 })
  const { gate, moves } = make()
  gate.take(200)
  gate.close()
  assert.equal(pool.usedBytes, 200)
  gate.release(200)
  assert.equal(pool.usedBytes, 0)
  assert.deepEqual(moves, ['pause'])
})
