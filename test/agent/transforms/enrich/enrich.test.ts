import assert from 'node:assert/strict'
import { hostname } from 'node:os'
import { test } from 'node:test'
import { chainOf, fieldsOf, pass, problemsOf, texts } from '../chain-bench.ts'

test('attributes and facts of the host are added, and the data stays', () => {
  const chain = chainOf({ enrich: { attributes: { site: 'north' }, host: ['hostname'] } })
  const records = pass(chain, ['a', { text: 'b', attributes: { site: 'was', x: 'y' } }])
  assert.deepEqual(
    records.map(({ text, attributes }) => [text, attributes]),
    [
      ['a', { site: 'north', hostname: hostname() }],
      ['b', { site: 'north', hostname: hostname(), x: 'y' }]
    ]
  )
})

test('fields are added, also within maps', () => {
  const chain = chainOf({ parse: 'json' }, { enrich: { fields: { site: 'north', 'o.n': 2 } } })
  assert.deepEqual(fieldsOf(chain, '{"o":{"m":1}}'), { site: 'north', o: { m: 1, n: 2 } })
})

const tables = {
  CSV: 'id,site,"floor, no"\r\n7,north,"1"\r\n',
  JSON: '{"7":{"site":"north","floor, no":"1"}}'
}

for (const [form, table] of Object.entries(tables)) {
  test(`the fields of a table in ${form} are added where the value is in it`, () => {
    const chain = chainOf({ parse: 'json' }, { enrich: { lookup: { by: 'a.id', table } } })
    const unknown = ['{"a":{"id":8}}', '{}', '{"a":{"id":[7]}}']
    const [first, ...rest] = texts(chain, ['{"a":{"id":7}}', ...unknown])
    assert.deepEqual(JSON.parse(first ?? ''), { a: { id: 7 }, site: 'north', 'floor, no': '1' })
    assert.deepEqual(rest, unknown)
    assert.deepEqual(chain.stats()[1]?.noted, { not_found: 3 })
  })
}

test('what is done to a record does not reach the table', () => {
  const table = '{"7":{"o":{"n":1}}}'
  const chain = chainOf(
    { parse: 'json' },
    { enrich: { lookup: { by: 'id', table } } },
    { rename: { fields: { 'o.n': 'm' } } }
  )
  assert.deepEqual(texts(chain, ['{"id":7}', '{"id":7}']), Array(2).fill('{"id":7,"o":{},"m":1}'))
})

test('a table that is none, and an empty task, are refused', () => {
  const lookup = { by: 'id', table: 'id,site\n7' }
  assert.deepEqual(problemsOf({ parse: 'json' }, { enrich: { lookup } }), [
    '1.enrich.lookup.table: must be CSV with a line of names, or JSON: a map of maps, by value'
  ])
  assert.deepEqual(problemsOf({ enrich: {} }), [
    '0.enrich: must say what to add: "attributes", "host", "fields" or "lookup"'
  ])
})

test('a record that cannot have more attributes goes on with those it had, and is counted', () => {
  const chain = chainOf({ enrich: { attributes: { site: 'north' } } })
  const attributes = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`a${i}`, 'x']))
  const [record] = pass(chain, [{ text: 'a', attributes }])
  assert.deepEqual(record?.attributes, attributes)
  assert.deepEqual(chain.stats()[0]?.noted, { too_many_attributes: 1 })
})
