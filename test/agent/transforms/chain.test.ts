import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recordLimits } from '../../../shared/record.ts'
import { chainOf, columns, pass, problemsOf } from './chain-bench.ts'

const limit = recordLimits.recordBytes - 4 * recordLimits.partitionKeyChars

test('a record that would become too large stays as it was, marked and counted', () => {
  const chain = chainOf({ parse: 'json' }, { enrich: { fields: { site: 'north' } } })
  const text = `{"a":"${'x'.repeat(limit - 20)}"}`
  const [record] = pass(chain, [text])
  assert.equal(record?.text, text)
  assert.deepEqual(record?.attributes, { oversized: 'true' })
  assert.deepEqual(chain.stats().at(-1), { key: 'output', dropped: {}, noted: { oversized: 1 } })
})

test('what was taken out does not come back with the original of a record that became too large', () => {
  const chain = chainOf(
    { parse: 'json' },
    { redact: ['email'] },
    { enrich: { fields: { site: 'north-north-north' } } }
  )
  const text = `{"m":"ann@example.org","a":"${'x'.repeat(limit - 40)}"}`
  const [record] = pass(chain, [text])
  assert.deepEqual(record?.attributes, { oversized: 'true' })
  assert.equal(record?.text, text.replace('ann@example.org', '[email]'))
})

test('a record that only a replacement made too large is cut, and says so', () => {
  const chain = chainOf({ redact: { patterns: ['a{64}'], replacement: 'b'.repeat(100) } })
  const [record] = pass(chain, ['a'.repeat(limit - 64)])
  assert.equal(record?.text, 'b'.repeat(limit))
  assert.deepEqual(record?.attributes, { oversized: 'true', truncated: 'true' })
})

test('an entry has one key, which is known', () => {
  const message = /^0: a transform must have exactly one of the keys parse, filter, /
  assert.match(problemsOf({})[0] ?? '', message)
  assert.match(problemsOf({ parse: 'json', filter: 'true' })[0] ?? '', message)
  assert.equal(problemsOf({ filtr: 'true' })[0], '0.filtr: unknown key; did you mean "filter"?')
})

test('columns without records pass untouched', () => {
  const none = columns([])
  assert.equal(chainOf({ parse: 'json' }).apply(none, false), none)
})
