import assert from 'node:assert/strict'
import test from 'node:test'
import { ByteBound, ByteBudget } from '../../../gateway/sharding/byte-budget.ts'

test('a bound that was reached refuses until a fifth is free', () => {
  const bound = new ByteBound(100)
  assert.ok(bound.admits(90, 10))
  assert.ok(!bound.admits(90, 11))
  assert.ok(!bound.admits(75, 10))
  assert.ok(bound.admits(70, 10))
  assert.ok(bound.admits(90, 10))
})

test('one thing alone is taken, however large', () => {
  assert.ok(new ByteBound(100).admits(0, 1000))
})

test('the excess is what must go before more is admitted', () => {
  const bound = new ByteBound(100)
  assert.equal(bound.excessBytes(95, 15), 30)
  assert.equal(bound.excessBytes(50, 500), 50)
  assert.equal(bound.excessBytes(10, 10), 0)
})

test('emptied resolves when nothing is held, or at the deadline', async () => {
  const budget = new ByteBudget(100)
  const deadline = new AbortController()
  await budget.emptied(deadline.signal)
  budget.change(10)
  const first = budget.emptied(deadline.signal)
  budget.change(-10)
  await first
  budget.change(10)
  const second = budget.emptied(deadline.signal)
  deadline.abort()
  await second
})
