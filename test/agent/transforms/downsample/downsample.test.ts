import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chainOf, columns, pass, samplesOf } from '../chain-bench.ts'

const every = { every: '10s', fields: { t: ['mean', 'min', 'max', 'last', 'count'] } }
const reading = (time: number, t: number) => ({ time, text: `{"t":${t},"x":${time}}` })
const readings = [reading(0, 1), reading(9999, 3), reading(10_000, 7), reading(12_000, 5)]

const told = [
  { t_mean: 2, t_min: 1, t_max: 3, t_last: 3, t_count: 2, x: 9999 },
  { t_mean: 6, t_min: 5, t_max: 7, t_last: 5, t_count: 2, x: 12_000 }
]

const parsed = (records: readonly { readonly text: string }[]): unknown[] =>
  records.map(({ text }) => JSON.parse(text))

test('what can be read again is told by interval at the end of its chunk', () => {
  const chain = chainOf({ parse: 'json' }, { downsample: every })
  const records = pass(chain, readings)
  assert.deepEqual(parsed(records), told)
  assert.deepEqual(
    records.map(({ time, attributes }) => [time, attributes]),
    [
      [9999, { downsampled: '2' }],
      [12_000, { downsampled: '2' }]
    ]
  )
  assert.equal(chain.flush(columns([])).lens.length, 0)
  assert.deepEqual(chain.stats()[1]?.dropped, { aggregated: 4 })
})

test('what cannot be read again is held until its interval is over, and told at the end', () => {
  const chain = chainOf({ parse: 'json' }, { downsample: every })
  assert.deepEqual(pass(chain, readings.slice(0, 1), true), [])
  assert.deepEqual(pass(chain, readings.slice(1, 2), true), [])
  assert.deepEqual(parsed(pass(chain, readings.slice(2, 3), true)), told.slice(0, 1))
  assert.deepEqual(pass(chain, readings.slice(3), true), [])
  assert.deepEqual(parsed(samplesOf(chain.flush(columns([])))), told.slice(1))
  assert.equal(chain.flush(columns([])).lens.length, 0)
})

test('what is held does not depend on the bytes of its chunk', () => {
  const chain = chainOf({ parse: 'json' }, { downsample: every })
  const records = columns(readings.slice(0, 2))
  chain.apply(records, true)
  records.data.fill(0)
  assert.deepEqual(parsed(samplesOf(chain.flush(columns([])))), told.slice(0, 1))
})

test('one aggregate takes the name of its field', () => {
  const chain = chainOf(
    { parse: 'json' },
    { downsample: { every: '10s', fields: { 'a.t': 'mean' } } }
  )
  const texts = ['{"a":{"t":1}}', '{"a":{"t":2}}']
  assert.deepEqual(parsed(pass(chain, texts)), [{ a: { t: 1.5 } }])
})

test('a field that the last record lacks is told from those before it', () => {
  const fields = { t: 'max', u: 'max' }
  const chain = chainOf({ parse: 'json' }, { downsample: { every: '10s', fields } })
  assert.deepEqual(parsed(pass(chain, ['{"t":1,"u":2}', '{"t":3}'])), [{ t: 3, u: 2 }])
})

test('a record without a number passes, behind the readings before it', () => {
  const chain = chainOf({ parse: 'json' }, { downsample: { every: '10s', fields: { t: 'last' } } })
  const records = pass(chain, ['{"t":1}', 'x', '{"t":2}', '{"t":3}'], true)
  assert.deepEqual(
    records.map(({ text }) => text),
    ['{"t":1}', 'x']
  )
  assert.deepEqual(chain.stats()[1]?.noted, { no_number: 1 })
})

test('each key has its own, and a thousand at most are held', () => {
  const chain = chainOf({ parse: 'json' }, { downsample: { every: '10s', fields: { t: 'last' } } })
  const samples = Array.from({ length: 1001 }, (_, i) => ({
    text: `{"t":${i}}`,
    partitionKey: `k${i}`
  }))
  assert.deepEqual(parsed(pass(chain, samples, true)), [{ t: 0 }])
  assert.equal(chain.flush(columns([])).lens.length, 1000)
  assert.deepEqual(chain.stats()[1]?.noted, { told_early: 1 })
})

test('the mean of large numbers stays finite', () => {
  const chain = chainOf({ parse: 'json' }, { downsample: { every: '10s', fields: { t: 'mean' } } })
  const [record] = pass(chain, ['{"t":1e308}', '{"t":1.5e308}'])
  assert.deepEqual(JSON.parse(record?.text ?? ''), { t: 1.25e308 })
})
