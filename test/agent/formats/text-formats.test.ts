import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseAccessLog } from '../../../agent/formats/access-log.ts'
import { parseCsvLine } from '../../../agent/formats/csv.ts'
import { readTime, timeFormats } from '../../../agent/formats/event-time.ts'
import { parseJsonObject, printJson } from '../../../agent/formats/json-object.ts'
import { parseLogfmt } from '../../../agent/formats/logfmt.ts'

/** Mostly of the characters that the formats give a meaning to. */
const texts = fc.oneof(
  fc.string(),
  fc.string({ unit: fc.constantFrom(...'=" \\,[]{}:-a1\n\u0000'), maxLength: 60 })
)

test('no text makes a parser throw', () => {
  fc.assert(
    fc.property(texts, (text) => {
      parseLogfmt(text)
      parseCsvLine(text)
      parseAccessLog(text)
      parseJsonObject(text)
      for (const format of timeFormats) readTime(text, format, 'local')
    }),
    { numRuns: 2000 }
  )
})

test('any values written as CSV are read as they were', () => {
  const written = (values: readonly string[]) =>
    values.map((value) => `"${value.replaceAll('"', '""')}"`).join(',')
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1 }), (values) => {
      assert.deepEqual(parseCsvLine(written(values)), values)
    })
  )
})

test('any pairs written as logfmt are read as they were', () => {
  const names = fc.stringMatching(/^[a-z_.]{1,8}$/)
  fc.assert(
    fc.property(
      fc.dictionary(names, fc.string(), { minKeys: 1, noNullPrototype: true }),
      (pairs) => {
        const line = Object.entries(pairs).map(
          ([name, value]) => `${name}=${JSON.stringify(value)}`
        )
        assert.deepEqual(parseLogfmt(line.join(' ')), pairs)
      }
    )
  )
})

test('JSON that is printed says what was read, whole numbers of any size included', () => {
  const values = fc.letrec<{ value: string }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map(String),
      fc.string().map((text) => JSON.stringify(text)),
      fc.constantFrom('1.5', '-0.25', '1e30', 'true', 'null', '"\\\\"', '"12345678901234567890"'),
      fc.array(tie('value')).map((all) => `[${all.join(',')}]`)
    )
  })).value
  fc.assert(
    fc.property(fc.array(values), (all) => {
      const text = `{${all.map((value, i) => `"k${i}":${value}`).join(',')}}`
      const fields = parseJsonObject(text)
      assert.ok(fields)
      const printed = printJson(fields)
      assert.deepEqual(parseJsonObject(printed), fields)
      assert.deepEqual(printed.match(/\d{16,}/g), text.match(/\d{16,}/g))
    })
  )
})

const timeCases: readonly (readonly [unknown, (typeof timeFormats)[number], number | undefined])[] =
  [
    [0, 'auto', 0],
    ['1700000000.5', 'unix', 1_700_000_000_500],
    [1_700_000_000_000_000, 'auto', 1_700_000_000_000],
    [1_700_000_000_000_000_000n, 'auto', 1_700_000_000_000],
    ['1700000000', 'iso', undefined],
    ['2026-01-31T12:00Z', 'iso', 1_769_860_800_000],
    ['2026-01-31T12:00:00.123456789+0100', 'auto', 1_769_857_200_123],
    ['2026-13-31T12:00:00Z', 'auto', undefined],
    ['31/Jan/2026:12:00:00 +0000', 'auto', 1_769_860_800_000],
    ['31/Foo/2026:12:00:00 +0000', 'clf', undefined],
    [1e300, 'auto', undefined],
    [Number.NaN, 'auto', undefined],
    [true, 'auto', undefined],
    ['', 'auto', undefined]
  ]

for (const [value, format, time] of timeCases) {
  test(`${String(value)} as ${format} is ${time}`, () => {
    assert.equal(readTime(value, format), time)
  })
}
