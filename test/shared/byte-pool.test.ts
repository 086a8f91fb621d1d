import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BytePool } from '../../shared/byte-pool.ts'
import type { HeadwaterError } from '../../shared/errors.ts'
import { ManualClock, settle } from '../support/manual-clock.ts'

function setup() {
  const clock = new ManualClock()
  const pool = new BytePool({ maxBytes: 100, waitMs: 1000, maxWaiting: 2, clock })
  const order: string[] = []
  const reserve = (name: string, bytes: number) =>
    pool.reserve(bytes).then(
      (held) => {
        order.push(name)
        return held
      },
      (error: HeadwaterError) => {
        order.push(`${name} ${error.code}`)
        return undefined
      }
    )
  return { clock, pool, order, reserve }
}

test('reservations never add up to more than the pool', async () => {
  const { pool } = setup()
  const held = pool.tryReserve(60)
  assert.ok(held)
  assert.equal(pool.tryReserve(41), undefined)
  assert.ok(pool.tryReserve(40))
  assert.equal(pool.usedBytes, 100)
  assert.equal(pool.refused, 1)
  held.release()
  held.release()
  assert.equal(pool.usedBytes, 40)
})

test('those who wait are served in the order they came, a small one not before a large one', async () => {
  const { pool, order, reserve } = setup()
  const held = pool.tryReserve(90)
  const large = reserve('large', 80)
  const small = reserve('small', 5)
  assert.equal(pool.tryReserve(5), undefined)
  await settle()
  assert.deepEqual(order, [])
  held?.release()
  await Promise.all([large, small])
  assert.deepEqual(order, ['large', 'small'])
  assert.equal(pool.usedBytes, 85)
})

test('who has waited for waitMs is refused as unavailable, and the next in line moves up', async () => {
  const { clock, pool, order, reserve } = setup()
  const held = pool.tryReserve(90)
  const late = reserve('late', 80)
  await clock.advance(500)
  const next = reserve('next', 10)
  await clock.advance(500)
  await Promise.all([late, next])
  assert.deepEqual(order.sort(), ['late unavailable', 'next'])
  held?.release()
  assert.equal(pool.usedBytes, 10)
  assert.equal(clock.sleeping, 0)
})

test('a full line refuses at once', async () => {
  const { clock, pool, order, reserve } = setup()
  pool.tryReserve(100)
  const waiting = [reserve('a', 1), reserve('b', 1)]
  await reserve('c', 1)
  assert.deepEqual(order, ['c unavailable'])
  await clock.advance(1000)
  await Promise.all(waiting)
})

test('what is shrunk goes to those who wait', async () => {
  const { pool, reserve } = setup()
  const held = pool.tryReserve(100)
  const waiting = reserve('a', 60)
  held?.shrink(40)
  assert.ok(await waiting)
  assert.equal(pool.usedBytes, 100)
})

test('a request above the whole pool is granted when the pool is empty', async () => {
  const { pool } = setup()
  const held = pool.tryReserve(1000)
  assert.equal(pool.usedBytes, 100)
  held?.release()
  assert.equal(pool.usedBytes, 0)
})
