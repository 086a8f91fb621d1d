import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TextLines } from '../../../../agent/sources/gps/text-lines.ts'
import { Tally } from '../../../../agent/sources/tally.ts'

test('the lines are the same whatever pieces they come in', () => {
  const text = fc.array(fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' }))
  fc.assert(
    fc.property(text, fc.array(fc.integer({ min: 1, max: 20 })), (parts, sizes) => {
      const expected = parts.map((part) => part.replaceAll(/[\r\n]/g, '_'))
      const bytes = Buffer.from(expected.map((line) => `${line}\r\n`).join(''))
      const lines = new TextLines(new Tally())
      const found: string[] = []
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = sizes[i] ?? 7
        found.push(...lines.take(bytes.subarray(at, at + size)))
        at += size
      }
      assert.deepEqual(found, expected)
    })
  )
})
