import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chainOf, pass, problemsOf, texts } from './chain-bench.ts'

const kept: readonly (readonly [string, boolean])[] = [
  ['level != "debug"', true],
  ['level == "debug"', false],
  ['status >= 500 && status < 600', true],
  ['status in [200, 204]', false],
  ['has(fields.missing)', false],
  ['fields.?missing.orValue("x") == "x"', true],
  ['o.deep.n == 1', true],
  ['key == "device-1" && attributes.site == "north"', true],
  ['time > timestamp("2020-01-01T00:00:00Z")', true],
  ['fields.time == "noon"', true],
  ['data.contains("debug")', false],
  ['id == 12345678901234567', true],
  ['missing == 1 || status == 500', true]
]

for (const [filter, isKept] of kept) {
  test(`a record ${isKept ? 'stays' : 'goes'} under ${filter}`, () => {
    const chain = chainOf({ parse: 'json' }, { filter })
    const text =
      '{"level":"info","status":500,"o":{"deep":{"n":1}},"time":"noon","id":12345678901234567}'
    const records = pass(chain, [{ text, time: 1_700_000_000_000, attributes: { site: 'north' } }])
    assert.deepEqual(
      records.map((record) => [record.text, record.attributes]),
      isKept ? [[text, { site: 'north' }]] : []
    )
    assert.deepEqual(chain.stats()[1]?.dropped, isKept ? {} : { filtered: 1 })
  })
}

test('a record for which the expression has no value stays, marked and counted', () => {
  for (const filter of [
    'level == "info"',
    'n + 1 > 2',
    'fields.n',
    'n % 2 == 0',
    'time.getHours("No/Zone") == 1 && n > 0.0'
  ]) {
    const chain = chainOf({ parse: 'json' }, { filter })
    const records = pass(chain, ['{"n":1.5}', 'no json'])
    assert.deepEqual(
      records.map(({ text, attributes }) => [text, attributes['filterFailed']]),
      [
        ['{"n":1.5}', 'true'],
        ['no json', 'true']
      ],
      filter
    )
    assert.deepEqual(chain.stats()[1]?.noted, { failed: 2 })
  }
})

test('a filter on the text needs no parser', () => {
  const chain = chainOf({ filter: '!data.matches("health") && key != "x"' })
  assert.deepEqual(texts(chain, ['GET /healthz', 'GET /']), ['GET /'])
})

const refused: readonly (readonly [string, RegExp])[] = [
  ['level ==', /^0\.filter: is not an expression at character 9: Unexpected token: EOF/],
  ['data + 1 == 2', /^0\.filter: is not an expression at character 1: no such overload/],
  ['size(data)', /^0\.filter: must be true or false for a record, not int/],
  ['nothing(data)', /^0\.filter: is not an expression at character 1: found no matching overload/],
  ['level == "x"', /^0\.filter: reads fields of the records, so a transform before it must parse/]
]

for (const [filter, message] of refused) {
  test(`the filter ${filter} is refused when the configuration is loaded`, () => {
    const [problem = '', ...more] = problemsOf({ filter })
    assert.match(problem, message)
    assert.deepEqual(more, [])
  })
}

test('an expression sees nothing that a record merely inherits', () => {
  const chain = chainOf({ parse: 'json' }, { filter: 'constructor == "x"' })
  assert.deepEqual(pass(chain, ['{}'])[0]?.attributes, { filterFailed: 'true' })
})
