import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chainOf, pass, texts } from './chain-bench.ts'

const lines = Array.from({ length: 2000 }, (_, i) => `line ${i}`)

test('a share of the records stays, in order, marked with the rate; the rest is counted', () => {
  const chain = chainOf({ sample: 0.1 })
  const records = pass(chain, lines)
  assert.ok(records.length > 140 && records.length < 260, `${records.length}`)
  const order = records.map(({ text }) => lines.indexOf(text))
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b)
  )
  assert.ok(records.every(({ attributes }) => attributes['sampleRate'] === '0.1'))
  assert.deepEqual(chain.stats()[0]?.dropped, { sampled: 2000 - records.length })
})

test('rate 0 drops all and rate 1 keeps all', () => {
  assert.deepEqual(texts(chainOf({ sample: 0 }), lines), [])
  assert.deepEqual(texts(chainOf({ sample: 1 }), lines), lines)
})

test('by: what has the same value shares its fate, in every agent', () => {
  const written = { sample: { rate: 0.5, by: 'data.substring(0, 6)' } }
  const first = texts(chainOf(written), lines)
  assert.deepEqual(texts(chainOf(written), lines.toReversed()).toReversed(), first)
  const groups = new Set(first.map((line) => line.slice(0, 6)))
  assert.deepEqual(
    lines.filter((line) => line.length >= 6 && groups.has(line.slice(0, 6))),
    first
  )
})

test('when: only records for which it is true are sampled', () => {
  const chain = chainOf({ parse: 'json' }, { sample: { rate: 0, when: 'level == "debug"' } })
  const rest = ['{"level":"info"}', '{}', 'no json']
  assert.deepEqual(texts(chain, ['{"level":"debug"}', ...rest]), rest)
})

test('a record that does not say what it is sampled by stays, marked and counted', () => {
  const chain = chainOf({ parse: 'json' }, { sample: { rate: 0, by: 'trace' } })
  const [record] = pass(chain, ['{"n":1}'])
  assert.deepEqual(record?.attributes, { sampleFailed: 'true' })
  assert.deepEqual(chain.stats()[1]?.noted, { failed: 1 })
})
