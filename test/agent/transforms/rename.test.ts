import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chainOf, problemsOf, texts } from './chain-bench.ts'

const text = '{"a":{"b":1,"c":2},"d.e":3,"f":4}'

const cases: readonly (readonly [object, string])[] = [
  [{ fields: { f: 'g' } }, '{"a":{"b":1,"c":2},"d.e":3,"g":4}'],
  [{ fields: { 'a.b': 'b', f: 'a.f' } }, '{"a":{"c":2,"f":4},"d.e":3,"b":1}'],
  [{ fields: { 'd.e': 'd.e.x' } }, '{"a":{"b":1,"c":2},"f":4,"d":{"e":{"x":3}}}'],
  [{ drop: ['a.b', 'd.e', 'none', 'f.x'] }, '{"a":{"c":2},"f":4}'],
  [{ keep: ['f', 'a.c'] }, '{"f":4,"a":{"c":2}}'],
  [{ fields: { f: 'g' }, drop: ['d.e'], keep: ['g'] }, '{"g":4}'],
  [{ fields: { none: 'g' } }, text],
  [{ fields: { f: '__proto__.x' } }, '{"a":{"b":1,"c":2},"d.e":3,"__proto__":{"x":4}}']
]

for (const [rename, left] of cases) {
  test(`rename ${JSON.stringify(rename)} leaves ${left}`, () => {
    assert.deepEqual(texts(chainOf({ parse: 'json' }, { rename }), [text]), [left])
    assert.equal(Object.hasOwn(Object.prototype, 'x'), false)
  })
}

test('a record that was not understood goes on as it is, and is counted', () => {
  const chain = chainOf({ parse: 'json' }, { rename: { keep: ['a'] } })
  assert.deepEqual(texts(chain, ['no json']), ['no json'])
  assert.deepEqual(chain.stats()[1]?.noted, { unparsed: 1 })
})

test('a rename without a parser before it, or without a task, is refused', () => {
  assert.deepEqual(problemsOf({ rename: { drop: ['a'] } }), [
    '0.rename: reads fields of the records, so a transform before it must parse them'
  ])
  assert.deepEqual(problemsOf({ parse: 'json' }, { rename: {} }), [
    '1.rename: must say what to do: "fields", "drop" or "keep"'
  ])
})
