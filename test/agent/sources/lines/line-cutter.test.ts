import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cutColumns } from '../../../../agent/sources/lines/cut-columns.ts'
import {
  type CutEnd,
  LineCutter,
  type LineRules
} from '../../../../agent/sources/lines/line-cutter.ts'
import { offsetsOf } from '../../../../shared/record.ts'

interface CutOptions extends Partial<LineRules> {
  readonly end?: CutEnd
  readonly skipping?: boolean
}

function cut(text: string | Buffer, options: CutOptions = {}) {
  const { end = 'more', skipping = false, ...rules } = options
  const cutter = new LineCutter({ maxLineBytes: 1024, ...rules })
  const bytes = Buffer.from(text)
  const found = cutter.cut(bytes, skipping, end)
  const columns = cutColumns(bytes, found, { partitionKey: 'k', time: 7 })
  const offsets = offsetsOf(columns.lens)
  return {
    ...found,
    columns,
    records: Array.from(columns.lens, (_, i) =>
      columns.data.toString('utf8', offsets[i], offsets[i + 1])
    )
  }
}

test('lines lose their newline and one carriage return, and nothing else', () => {
  const { records, consumed } = cut('a\n b \r\nc\r\r\n\td\n')
  assert.deepEqual(records, ['a', ' b ', 'c\r', '\td'])
  assert.equal(consumed, 14)
})

test('an unfinished line is kept back until its newline, or taken at the end', () => {
  assert.deepEqual(cut('a\nbc').records, ['a'])
  assert.equal(cut('a\nbc').consumed, 2)
  assert.deepEqual(cut('a\nbc', { end: 'idle' }).records, ['a'])
  assert.deepEqual(cut('a\nbc', { end: 'end' }).records, ['a', 'bc'])
})

test('empty lines are passed over and counted', () => {
  const { records, emptyLines, consumed } = cut('\n\r\na\n\n')
  assert.deepEqual(
    { records, emptyLines, consumed },
    { records: ['a'], emptyLines: 3, consumed: 6 }
  )
})

test('a line over the limit is cut and marked, and the next is whole', () => {
  const { records, truncated, columns } = cut(`${'x'.repeat(70)}\nok\n`, { maxLineBytes: 64 })
  assert.deepEqual(records, ['x'.repeat(64), 'ok'])
  assert.deepEqual(truncated, [0])
  assert.deepEqual(columns.attributes, [{ truncated: 'true' }, null])
})

test('a line of exactly the limit is whole, whatever its line ending', () => {
  const line = 'x'.repeat(64)
  for (const ending of ['\n', '\r\n']) {
    const { records, truncated } = cut(line + ending, { maxLineBytes: 64 })
    assert.deepEqual({ records, truncated }, { records: [line], truncated: [] })
  }
  assert.equal(cut(`${line}\r`, { maxLineBytes: 64 }).consumed, 0)
})

test('a cut never splits a UTF-8 character', () => {
  const { records } = cut(`${'x'.repeat(62)}€€\n`, { maxLineBytes: 64 })
  assert.deepEqual(records, ['x'.repeat(62)])
})

test('the rest of a line without an end in sight is skipped to its newline', () => {
  const first = cut('x'.repeat(200), { maxLineBytes: 64 })
  assert.deepEqual([first.count, first.consumed, first.skipping], [1, 64, true])
  const second = cut('xxx', { maxLineBytes: 64, skipping: true })
  assert.deepEqual([second.count, second.consumed, second.skipping], [0, 3, true])
  const third = cut('xx\nnext\n', { maxLineBytes: 64, skipping: true })
  assert.deepEqual([third.records, third.skipping], [['next'], false])
})

const trace = { multiline: { start: /^\d/, maxLines: 4 } }

test('lines that do not match the start belong to the record before them', () => {
  const text = '1 a\n  at x\n\n  at y\n2 b\r\n  at z\r\n3 c\n'
  const { records, consumed } = cut(text, trace)
  assert.deepEqual(records, ['1 a\n  at x\n\n  at y', '2 b\r\n  at z'])
  assert.equal(text.slice(consumed), '3 c\n')
  assert.deepEqual(cut(text, { ...trace, end: 'idle' }).records.at(-1), '3 c')
})

test('a multiline record ends at maxLines and at maxLineBytes', () => {
  assert.deepEqual(cut('1\na\nb\nc\nd\n2\n', trace).records, ['1\na\nb\nc', 'd'])
  const long = `1\n${'x'.repeat(40)}\n${'y'.repeat(40)}\n2\n`
  assert.deepEqual(cut(long, { ...trace, maxLineBytes: 64 }).records, [
    `1\n${'x'.repeat(40)}`,
    'y'.repeat(40)
  ])
})

test('a line over the limit stands alone among multiline records', () => {
  const { records, truncated } = cut(`1\na\n${'x'.repeat(99)}\n2\n3\n`, {
    ...trace,
    maxLineBytes: 64
  })
  assert.deepEqual(records, ['1\na', 'x'.repeat(64), '2'])
  assert.deepEqual(truncated, [1])
})

test('a group that fills the buffer is cut, so that reading always goes on', () => {
  const { count, consumed } = cut(`1\n${'x'.repeat(70)}`, { ...trace, maxLineBytes: 64 })
  assert.ok(count > 0)
  assert.ok(consumed > 0)
})

test('whatever the pieces, the records are those of the whole text', () => {
  const text = fc
    .array(fc.constantFrom('a', 'bb', '\n', '\r\n', '\n\n', 'é', 'x'.repeat(80), '1'), {
      maxLength: 60
    })
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(
      text,
      fc.array(fc.integer({ min: 70, max: 200 })),
      fc.boolean(),
      (whole, sizes, multi) => {
        const rules = { maxLineBytes: 64, ...(multi ? trace : {}) }
        const bytes = Buffer.from(whole)
        const expected = inPieces(bytes, rules, [])
        const found = inPieces(bytes, rules, sizes)
        if (!multi) assert.deepEqual(found, expected)
        assert.equal(found.join('').replaceAll('\n', ''), expected.join('').replaceAll('\n', ''))
      }
    )
  )
})

/** Cuts as a reader does: from where the last cut ended, with as much as comes. */
function inPieces(bytes: Buffer, rules: LineRules, sizes: readonly number[]): string[] {
  const records: string[] = []
  let at = 0
  let skipping = false
  for (let turn = 0; at < bytes.length; turn++) {
    const piece = bytes.subarray(at, at + (sizes[turn] ?? bytes.length))
    const last = at + piece.length === bytes.length
    const found = cut(piece, { ...rules, end: last ? 'end' : 'more', skipping })
    records.push(...found.records)
    skipping = found.skipping
    at += found.consumed
    assert.ok(found.consumed > 0 || piece.length < 66, 'a full buffer must be consumed')
    if (found.consumed === 0 && last) break
  }
  return records
}

test('a line on which the start pattern would not end begins a record, and others stay together', () => {
  const multiline = { start: /^(?:a+)+$/, maxLines: 10 }
  const slow = `${'a'.repeat(60)}!`
  const { records, slowPattern } = cut(`b\nc\n${slow}\nd\naa\ne\n`, { multiline, end: 'idle' })
  assert.deepEqual(records, ['b\nc', `${slow}\nd`, 'aa\ne'])
  assert.ok(slowPattern)
  const again = cut(`${slow}\nd\n`, { multiline })
  assert.deepEqual([again.consumed, again.slowPattern], [0, false], 'the first line is not tried')
  assert.ok(!cut('b\naa\n', { multiline }).slowPattern)
})

test('records of more lines than are looked at once are whole', () => {
  const lines = 40_000
  const text = 'b\n'.repeat(lines)
  const rules = { maxLineBytes: 1024 * 1024, multiline: { start: /^a/, maxLines: lines - 1 } }
  const { records, consumed } = cut(text, { ...rules, end: 'end' })
  assert.deepEqual(
    records.map(({ length }) => length),
    [2 * (lines - 1) - 1]
  )
  const rest = cut(text.slice(consumed), { ...rules, end: 'end' })
  assert.deepEqual(rest.records, ['b'])
})

test('a record that lies across the bound of a cut is not torn apart', () => {
  const rules = { maxLineBytes: 1024, multiline: { start: /^a/, maxLines: 500 } }
  const records = inPieces(Buffer.from('b\n'.repeat(40_000)), rules, [])
  assert.deepEqual(new Set(records.map(({ length }) => length)), new Set([999]))
})
