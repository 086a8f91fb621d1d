import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startAfter, startOf } from '../../../../agent/sources/tail/position.ts'
import { isAnother } from '../../../../agent/sources/tail/is-another.ts'

const position = startOf({ home: '/var/log/app.log', madeMs: 1000 })

test('a file that was made after the one of its number was is another', () => {
  const seen = (bornMs: number) => ({ archive: false, madeMs: bornMs, bornMs })
  assert.equal(isAnother(seen(1000), position), false)
  assert.equal(isAnother(seen(1001), position), true)
})

test('a file is taken for the same where the file system does not say when it was made', () => {
  assert.equal(isAnother({ archive: false, madeMs: 5000, bornMs: 0 }, position), false)
})

test('a file that was emptied and given an old time is the same', () => {
  const emptied = startAfter({ ...position, offset: 10 }, 500)
  assert.equal(isAnother({ archive: false, madeMs: 1000, bornMs: 1000 }, emptied), false)
})

test('an archive with another time is another, whenever it was made', () => {
  assert.equal(isAnother({ archive: true, madeMs: 1000, bornMs: 5000 }, position), false)
  assert.equal(isAnother({ archive: true, madeMs: 999, bornMs: 500 }, position), true)
})
