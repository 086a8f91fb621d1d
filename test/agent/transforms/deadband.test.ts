import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chainOf, pass, texts } from './chain-bench.ts'

const reading = (time: number, t: number, more = '') => ({ time, text: `{"t":${t}${more}}` })

function times(deadband: object, samples: { time: number; text: string }[]): number[] {
  return pass(chainOf({ parse: 'json' }, { deadband }), samples).map(({ time }) => time)
}

test('a reading goes when it differs from the last one kept by no more than the threshold', () => {
  const values = [20, 20.5, 19.5, 20.6, 21, 21.1, 21.2]
  const samples = values.map((value, i) => reading(i, value))
  assert.deepEqual(times({ fields: { t: 0.5 } }, samples), [0, 3, 6])
})

test('a threshold may be a share of the last value', () => {
  const samples = [100, 110, 111, 122, 123].map((value, i) => reading(i, value))
  assert.deepEqual(times({ fields: { t: '10%' } }, samples), [0, 2, 4])
})

test('after maxInterval a reading stays, whatever it says', () => {
  const samples = [0, 999, 1000, 1500, 2000].map((time) => reading(time, 1))
  assert.deepEqual(times({ fields: { t: 1 }, maxInterval: '1s' }, samples), [0, 1000, 2000])
})

test('one of several fields is enough, and so is one that comes or goes', () => {
  const samples = [
    reading(0, 1),
    reading(1, 1, ',"u":5'),
    reading(2, 1, ',"u":5'),
    reading(3, 1, ',"u":9'),
    reading(4, 1)
  ]
  assert.deepEqual(times({ fields: { t: 1, u: 1 } }, samples), [0, 1, 3, 4])
})

test('every key and every value of by is a series of its own', () => {
  const samples = [
    reading(0, 1, ',"s":"a"'),
    reading(1, 5, ',"s":"b"'),
    reading(2, 1, ',"s":"a"'),
    { ...reading(3, 1, ',"s":"a"'), partitionKey: 'other' }
  ]
  assert.deepEqual(times({ fields: { t: 1 }, by: 's' }, samples), [0, 1, 3])
})

test('a record without a number, and one from before the last, stays', () => {
  const chain = chainOf({ parse: 'json' }, { deadband: { fields: { t: 1 } } })
  const samples = ['{"t":1}', '{"t":"1"}', 'x', '{}'].map((text) => ({ text, time: 9 }))
  assert.equal(texts(chain, samples).length, 4)
  assert.deepEqual(chain.stats()[1]?.noted, { no_number: 3 })
  assert.equal(texts(chain, [{ text: '{"t":1}', time: 8 }]).length, 1)
})

test('what is remembered is bounded', () => {
  const chain = chainOf({ parse: 'json' }, { deadband: { fields: { t: 1 }, remember: 1 } })
  const at = (partitionKey: string) => ({ text: '{"t":1}', partitionKey })
  assert.equal(pass(chain, [at('a'), at('a'), at('b'), at('a')]).length, 3)
  assert.deepEqual(chain.stats()[1]?.dropped, { within_band: 1 })
})

test('long values of by are series of their own too', () => {
  const long = (end: string) => `,"s":"${'x'.repeat(10_000)}${end}"`
  const samples = [reading(0, 1, long('a')), reading(1, 1, long('b')), reading(2, 1, long('a'))]
  assert.deepEqual(times({ fields: { t: 1 }, by: 's' }, samples), [0, 1])
})
