import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EntryCutter } from '../../../../agent/sources/journald/entry-cutter.ts'
import { offsetsOf } from '../../../../shared/record.ts'

interface Found {
  readonly text: string
  readonly time: number
  readonly truncated: boolean
}

const maxRecordBytes = 600

/** What a cutter finds in `bytes` that come in pieces of these lengths. */
function cutAll(bytes: Buffer, pieces: readonly number[]) {
  const cutter = new EntryCutter({ maxRecordBytes, partitionKey: 'k' })
  const found: Found[] = []
  let last: string | undefined
  let unreadable = 0
  let rest: Buffer = Buffer.alloc(0)
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = pieces[i % pieces.length] ?? 1
    rest = Buffer.concat([rest, bytes.subarray(at, at + length)])
    at += length
    for (;;) {
      const cut = cutter.cut(rest)
      if (cut.consumed === 0) break
      rest = rest.subarray(cut.consumed)
      unreadable += cut.unreadable
      if (!cut.records) continue
      last = cut.last
      const { lens, times, data, attributes } = cut.records
      const offsets = offsetsOf(lens)
      for (let j = 0; j < lens.length; j++) {
        const text = data.toString('utf8', offsets[j], offsets[j + 1])
        found.push({ text, time: times[j] ?? -1, truncated: attributes !== undefined })
      }
    }
  }
  return { found, last, unreadable, left: rest.length }
}

const entry = fc
  .record({
    micros: fc.integer({ min: 0, max: 2_000_000_000_000_000 }),
    sourceMicros: fc.option(fc.integer({ min: 0, max: 2_000_000_000_000_000 })),
    message: fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.constantFrom('"__CURSOR":"x"', '"__REALTIME_TIMESTAMP":"1"', 'x'.repeat(3000))
    ),
    order: fc.infiniteStream(fc.integer({ min: 0, max: 1000 }))
  })
  .map(({ micros, sourceMicros, message, order }) => {
    const fields: [string, string][] = [
      ['__CURSOR', `s=abc;i=${micros}`],
      ['__REALTIME_TIMESTAMP', String(micros)],
      ['MESSAGE', message.toWellFormed()],
      ['PRIORITY', '6']
    ]
    if (sourceMicros !== null) fields.push(['_SOURCE_REALTIME_TIMESTAMP', String(sourceMicros)])
    const shuffled = fields
      .map((field) => ({ field, rank: order.next().value ?? 0 }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ field }) => field)
    return {
      line: JSON.stringify(Object.fromEntries(shuffled)),
      cursor: `s=abc;i=${micros}`,
      time: Math.floor((sourceMicros ?? micros) / 1000)
    }
  })

test('in pieces of any size, each entry is one record with its time, and the last has its cursor', () => {
  fc.assert(
    fc.property(
      fc.array(entry, { minLength: 1, maxLength: 30 }),
      fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 5 }),
      (entries, pieces) => {
        const bytes = Buffer.from(entries.map(({ line }) => `${line}\n`).join(''))
        const { found, last, unreadable, left } = cutAll(bytes, pieces)
        const wanted = entries.map(({ line, time }) => {
          const text = Buffer.from(line)
          const truncated = text.length > maxRecordBytes
          return { text: text.toString('utf8', 0, maxRecordBytes), time, truncated }
        })
        assert.deepEqual(found, wanted)
        assert.equal(last, entries.at(-1)?.cursor)
        assert.deepEqual([unreadable, left], [0, 0])
      }
    )
  )
})

test('lines that are no entries are passed over and counted, and an unfinished one waits', () => {
  const line = '{"__CURSOR":"c","__REALTIME_TIMESTAMP":"5000"}'
  const bytes = Buffer.from(`-- No entries --\n${line}\n{"__REALTIME_TIMESTAMP":"x"}\n${line}`)
  const { found, last, unreadable, left } = cutAll(bytes, [7])
  assert.deepEqual(found, [{ text: line, time: 5, truncated: false }])
  assert.deepEqual([last, unreadable, left], ['c', 2, line.length])
})
