import assert from 'node:assert/strict'
import test from 'node:test'
import { RepeatMarks } from '../../../gateway/sharding/repeat-marks.ts'

test('a source is asked for once, also by two that ask at the same time', async () => {
  const marks = new RepeatMarks(10)
  let asked = 0
  const fetch = async () => {
    asked += 1
    return [{ shard: 's', seq: 7 }]
  }
  const loading = marks.load('a', fetch)
  assert.equal(marks.get('a'), undefined)
  assert.equal(marks.load('a', fetch), loading)
  await loading
  assert.equal(marks.load('a', fetch), undefined)
  assert.equal(marks.get('a')?.highest, 7)
  assert.equal(asked, 1)
})

test('a mark raised while the source is loading is not lowered by what was read before', async () => {
  const marks = new RepeatMarks(10)
  const loading = marks.load('a', async () => [{ shard: 's', seq: 7 }])
  marks.raise('a', 's', 9)
  await loading
  assert.equal(marks.get('a')?.highest, 9)
})

test('a failed load is forgotten, so that the next one asks again', async () => {
  const marks = new RepeatMarks(10)
  await assert.rejects(async () =>
    marks.load('a', async () => {
      throw new Error('down')
    })
  )
  await marks.load('a', async () => [])
  assert.equal(marks.get('a')?.highest, 0)
})

test('over maxSources the source not used longest is dropped', async () => {
  const marks = new RepeatMarks(2)
  await marks.load('a', async () => [])
  await marks.load('b', async () => [])
  marks.get('a')
  await marks.load('c', async () => [])
  assert.equal(marks.size, 2)
  assert.ok(marks.get('a') && marks.get('c'))
  assert.equal(marks.get('b'), undefined)
})
