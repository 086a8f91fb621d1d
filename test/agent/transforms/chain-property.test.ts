import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { RecordColumns } from '../../../shared/record.ts'
import { recordColumns } from '../../support/arbitraries.ts'
import { chainOf, columns, samplesOf } from './chain-bench.ts'

/** Each leaves the order of what it lets through. */
const steps = fc.constantFrom<object>(
  { parse: 'json' },
  { parse: 'logfmt' },
  { parse: { format: 'csv', columns: ['a', 'b'] } },
  { parse: { format: 'regex', pattern: '(?<a>\\d+)', keep: 'data' } },
  { filter: 'size(data) % 3 != 0' },
  { sample: 0.5 },
  { dedupe: '1s' },
  { redact: ['email', 'ip', 'card', 'token'] },
  { redact: { patterns: ['[a-c]+'] } },
  { enrich: { attributes: { site: 'north' } } },
  { key: 'data' }
)

const afterParse = fc.constantFrom<object>(
  { filter: 'a != "1"' },
  { rename: { fields: { a: 'x.y' }, drop: ['b'] } },
  { enrich: { fields: { n: 1 } } },
  { deadband: { fields: { n: 1 } } },
  { dedupe: { window: '1s', fields: ['a'] } }
)

const chains = fc
  .tuple(fc.array(steps, { maxLength: 3 }), fc.array(afterParse, { maxLength: 3 }))
  .map(([first, rest]) => [...first, ...(rest.length > 0 ? [{ parse: 'json' }, ...rest] : [])])

const jsonLines = fc
  .array(
    fc.oneof(
      fc.json(),
      fc.record({ a: fc.json(), n: fc.nat(3) }).map((one) => JSON.stringify(one)),
      fc.constant('a=1 b=2'),
      fc.constant('1,2')
    ),
    { maxLength: 20 }
  )
  .map((lines) => columns(lines))

const anyRecords = fc.oneof(recordColumns, jsonLines)

/** Every record is marked with its place, which no transform looks at. */
function numbered(records: RecordColumns): RecordColumns {
  const attributes = Array.from(records.lens, (_, i) => ({ place: String(i) }))
  return { ...records, attributes }
}

test('any chain over any records keeps their order, counts what it drops, and gives columns that agree', () => {
  fc.assert(
    fc.property(chains, fc.array(anyRecords, { maxLength: 3 }), (written, chunks) => {
      const chain = chainOf(...written)
      let [taken, given] = [0, 0]
      for (const chunk of chunks) {
        const records = chain.apply(numbered(chunk), false)
        const places = samplesOf(records).map(({ attributes }) => Number(attributes['place']))
        assert.deepEqual(
          places,
          places.toSorted((a, b) => a - b)
        )
        assert.equal(new Set(places).size, places.length)
        assert.equal(records.times.length, records.lens.length)
        assert.equal(
          records.lens.reduce((sum, length) => sum + length, 0),
          records.data.length
        )
        taken += chunk.lens.length
        given += records.lens.length
      }
      const dropped = chain.stats().flatMap((step) => Object.values(step.dropped))
      assert.equal(
        dropped.reduce((sum, count) => sum + count, 0),
        taken - given
      )
    })
  )
})

test('a chain that changes no record gives back the very columns', () => {
  fc.assert(
    fc.property(anyRecords, (records) => {
      assert.equal(chainOf().apply(records, false), records)
      const chain = chainOf({ filter: 'true' }, { sample: 1 }, { dedupe: '1ms' })
      const unlike = { ...records, times: Float64Array.from(records.times, (_, i) => i * 1000) }
      if (records.lens.length > 0) assert.notEqual(chain.apply(unlike, false), undefined)
      assert.equal(chainOf({ filter: 'true' }).apply(records, false), records)
    })
  )
})

test('what no parser understands comes out with the bytes it had', () => {
  const formats = ['json', 'logfmt', 'access-log', 'syslog']
  fc.assert(
    fc.property(recordColumns, fc.constantFrom(...formats), (records, format) => {
      const left = chainOf({ parse: format }).apply(records, false)
      const before = samplesOf(records)
      const after = samplesOf(left)
      assert.equal(after.length, before.length)
      for (const [i, { attributes, text }] of after.entries()) {
        if (attributes['unparsed'] === 'true') assert.equal(text, before[i]?.text)
      }
    })
  )
})
