import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TimeLimit } from '../../../agent/patterns/time-limit.ts'

/** Takes longer than anybody lives. */
const endless = `${'a'.repeat(60)}!`
const expression = /^(?:a+)+$/u

test('all pieces are done in order when none is late', () => {
  const done: number[] = []
  assert.deepEqual(
    new TimeLimit(100).each(3, (i) => done.push(i)),
    []
  )
  assert.deepEqual(done, [0, 1, 2])
})

test('a match that would not end is given up, and the pieces around it are done', () => {
  const texts = ['aa', endless, 'b', 'aaa']
  const found: boolean[] = []
  const late = new TimeLimit(100).each(texts.length, (i) => {
    found[i] = expression.test(texts[i] ?? '')
  })
  assert.deepEqual(late, [1])
  assert.deepEqual([found[0], found[2], found[3]], [true, false, true])
})

test('after four late pieces the rest is not begun', () => {
  const begun: number[] = []
  const late = new TimeLimit(100).each(100, (i) => {
    begun[i] = i
    if (i > 1) expression.test(endless)
  })
  assert.equal(late.length, 98)
  assert.equal(begun.length, 6)
})

test('what a piece throws is thrown', () => {
  const wrong = new Error('wrong')
  assert.throws(
    () =>
      new TimeLimit(100).each(1, () => {
        throw wrong
      }),
    wrong
  )
})

test('a piece is not late when the process was kept waiting, however long', () => {
  const cell = new Int32Array(new SharedArrayBuffer(4))
  let begun = 0
  const late = new TimeLimit(100).each(1, () => {
    begun += 1
    // Takes no time of the processor, as a process does not that is not let run.
    if (begun < 3) Atomics.wait(cell, 0, 0, 1000)
  })
  assert.deepEqual({ late, begun }, { late: [], begun: 3 })
})

test('a piece that never ends and takes no time is given up, too', () => {
  const cell = new Int32Array(new SharedArrayBuffer(4))
  const late = new TimeLimit(20).each(1, () => Atomics.wait(cell, 0, 0))
  assert.deepEqual(late, [0])
})
