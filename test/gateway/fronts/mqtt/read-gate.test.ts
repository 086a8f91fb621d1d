import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Brake } from '../../../../gateway/fronts/mqtt/brake.ts'
import { PendingPool } from '../../../../gateway/fronts/mqtt/pending-pool.ts'
import { ReadGate } from '../../../../gateway/fronts/mqtt/read-gate.ts'
import { ManualClock } from '../../../support/manual-clock.ts'

function setup(options: { maxBytes?: number; limitBytes?: number } = {}) {
  const pool = new PendingPool(options.maxBytes ?? 10_000)
  const clock = new ManualClock()
  const gate = () => {
    const moves: string[] = []
    const socket = { pause: () => moves.push('pause'), resume: () => moves.push('resume') }
    const brake = new Brake(socket, clock)
    const gate = new ReadGate(brake, { pool, limitBytes: options.limitBytes ?? 100 })
    return { moves, brake, gate }
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

const KiB = 1024

test('all sockets stop at the common bound, as they next take something, and go on at four fifths', () => {
  const { gate: make, pool } = setup({ maxBytes: 1000 * KiB, limitBytes: 10_000 * KiB })
  const [one, two, idle] = [make(), make(), make()]
  one.gate.take(999 * KiB)
  two.gate.take(KiB)
  one.gate.take(KiB)
  assert.deepEqual([one.moves, two.moves, idle.moves], [['pause'], ['pause'], []])
  assert.equal(pool.pauses, 2)
  one.gate.release(200 * KiB)
  assert.deepEqual([one.moves, two.moves], [['pause'], ['pause']])
  one.gate.release(KiB)
  assert.deepEqual(
    [one.moves, two.moves],
    [
      ['pause', 'resume'],
      ['pause', 'resume']
    ]
  )
})

test('at the common bound as many sockets go on as there is room for a read of each', () => {
  const { gate: make, pool } = setup({ maxBytes: 300 * KiB, limitBytes: 1000 * KiB })
  const [holder, other] = [make(), make()]
  other.gate.take(3)
  holder.gate.take(300 * KiB)
  const stopped = Array.from({ length: 20 }, () => make())
  for (const { gate } of stopped) gate.take(1)
  const running = () => [holder, ...stopped].filter(({ moves }) => moves.at(-1) === 'resume')
  holder.gate.release(300 * KiB)
  assert.equal(running().length, 5)
  other.gate.release(1)
  assert.equal(running().length, 5, 'what they may bring is expected')
  for (const { gate } of running()) gate.take(1)
  other.gate.release(1)
  assert.equal(running().length, 10, 'what they brought is less')
  pool.tick()
  assert.equal(running().length, 15, 'those that bring nothing are not waited for')
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
  const { brake, moves } = make()
  await clock.advance(5)
  assert.equal(brake.hold('handshake'), true)
  await clock.advance(5)
  brake.hold('broker')
  assert.equal(brake.hold('broker'), false)
  brake.free('handshake')
  assert.deepEqual(moves, ['pause'])
  assert.equal(brake.sinceMs, 5)
  brake.free('broker')
  assert.deepEqual(moves, ['pause', 'resume'])
  assert.equal(brake.sinceMs, undefined)
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
