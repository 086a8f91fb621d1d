import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chainOf, pass } from './chain-bench.ts'

test('the partition key is what the expression says, the data stays', () => {
  const chain = chainOf({ parse: 'json' }, { key: 'vehicle.id' })
  const records = pass(chain, ['{"vehicle":{"id":"v-1"}}', '{"vehicle":{"id":7}}'])
  assert.deepEqual(
    records.map(({ partitionKey, text }) => [partitionKey, text]),
    [
      ['v-1', '{"vehicle":{"id":"v-1"}}'],
      ['7', '{"vehicle":{"id":7}}']
    ]
  )
})

test('where there is no such key, or none that may be, the record keeps its own, marked and counted', () => {
  const chain = chainOf({ parse: 'json' }, { key: 'id' })
  const lines = ['{}', '{"id":""}', '{"id":[1]}', `{"id":"${'x'.repeat(257)}"}`, '{"id":"\\ud800"}']
  for (const { partitionKey, attributes } of pass(chain, lines)) {
    assert.equal(partitionKey, 'device-1')
    assert.deepEqual(attributes, { keyFailed: 'true' })
  }
  assert.deepEqual(chain.stats()[1]?.noted, { failed: lines.length })
})
