import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chainOf, pass, texts } from './chain-bench.ts'

const at = (time: number, text = 'a') => ({ time, text })

test('a record that comes again within the window is dropped; the next one says how many were', () => {
  const chain = chainOf({ dedupe: '10s' })
  const records = pass(chain, [at(0), at(1), at(10_000), at(10_001), at(10_002, 'b')])
  assert.deepEqual(
    records.map(({ text, time, attributes }) => [text, time, attributes]),
    [
      ['a', 0, {}],
      ['a', 10_001, { suppressed: '2' }],
      ['b', 10_002, {}]
    ]
  )
  assert.deepEqual(chain.stats()[0]?.dropped, { duplicate: 2 })
})

test('the window goes over chunks', () => {
  const chain = chainOf({ dedupe: '10s' })
  assert.deepEqual(texts(chain, [at(0)]), ['a'])
  assert.deepEqual(texts(chain, [at(5)]), [])
})

test('the same data under another partition key is another record', () => {
  const chain = chainOf({ dedupe: '10s' })
  assert.equal(pass(chain, [at(0), { ...at(0), partitionKey: 'other' }]).length, 2)
})

test('fields: records that agree in these are the same; one that has none is like no other', () => {
  const chain = chainOf({ parse: 'json' }, { dedupe: { window: '10s', fields: ['a.b', 'c'] } })
  const rest = [
    '{"a":{"b":1},"c":2}',
    '{"a":{"b":1}}',
    '{"a":{"b":"1"}}',
    '{"x":1}',
    '{"x":1}',
    '-',
    '-'
  ]
  assert.deepEqual(
    texts(chain, [...rest.slice(0, 1), '{"a":{"b":1},"c":2,"x":3}', ...rest.slice(1)]),
    rest
  )
})

test('what is remembered is bounded; the oldest is forgotten, which lets its repeat through', () => {
  const chain = chainOf({ dedupe: { window: '10s', remember: 2 } })
  const lines = ['a', 'b', 'c'].map((text) => at(0, text))
  assert.deepEqual(texts(chain, [...lines, at(1, 'c'), at(1, 'a')]), ['a', 'b', 'c', 'a'])
  assert.deepEqual(chain.stats()[0]?.noted, { forgotten: 2 })
})
