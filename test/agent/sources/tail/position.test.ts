import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LineCutter } from '../../../../agent/sources/lines/line-cutter.ts'
import { advance } from '../../../../agent/sources/tail/advance.ts'
import {
  decodePosition,
  encodePosition,
  type Position,
  startAfter,
  startOf
} from '../../../../agent/sources/tail/position.ts'
import { resume } from '../../../../agent/sources/tail/resume.ts'
import { HeadwaterError } from '../../../../shared/errors.ts'

const start = startOf({ home: '/var/log/app.log', madeMs: 1_700_000_000_000.25 })

/** The position behind each piece of whole lines. */
function read(pieces: readonly string[], from: Position = start): Position {
  const cutter = new LineCutter({ maxLineBytes: 1 << 20 })
  return pieces.reduce((position, piece) => {
    const bytes = Buffer.from(piece)
    return advance(position, bytes, cutter.cut(bytes, position.skipping, 'more'))
  }, from)
}

function reader(text: string) {
  const bytes = Buffer.from(text)
  return async (offset: number, length: number) => bytes.subarray(offset, offset + length)
}

const line = fc.string({ unit: fc.constantFrom('a', 'b', 'é'), minLength: 1, maxLength: 80 })
const piece = fc
  .array(line, { minLength: 1, maxLength: 80 })
  .map((lines) => `${lines.join('\n')}\n`)
const pieces = fc.array(piece, { maxLength: 40 })

test('a position reads back as it was written, and fits a small page', () => {
  fc.assert(
    fc.property(pieces, pieces, (before, after) => {
      const position = read(after, before.length > 2 ? startAfter(read(before), 5.5) : start)
      assert.deepEqual(decodePosition(encodePosition(position)), position)
      assert.ok(encodePosition(position).length < 1300)
      assert.ok(position.marks.length <= 16 && position.recent.length <= 48)
    })
  )
})

test('bytes that are no position are refused as such, whatever they are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        decodePosition(Buffer.from(bytes))
      } catch (error) {
        assert.ok(error instanceof HeadwaterError, String(error))
      }
    })
  )
})

test('a file that holds what was read, and perhaps more, goes on where it was', async () => {
  await fc.assert(
    fc.asyncProperty(pieces, line, fc.boolean(), async (before, more, watched) => {
      const position = read(before)
      const text = before.join('') + more
      const state = { size: Buffer.byteLength(text), watched }
      assert.deepEqual(await resume(reader(text), position, state), { change: 'same', position })
    })
  )
})

test('a file that lost any part of its end is read on at or before the loss, at a line', async () => {
  const numbered = fc.array(fc.integer({ min: 0, max: 90 }), { minLength: 30, maxLength: 2000 })
  await fc.assert(
    fc.asyncProperty(numbered, fc.nat(), fc.boolean(), async (lengths, at, written) => {
      const lines = lengths.map((length, i) => `${i} ${'x'.repeat(length)}\n`)
      const text = lines.join('')
      const half = lines.length >> 1
      const position = read([lines.slice(0, half).join(''), lines.slice(half).join('')])
      const lost = text.slice(0, 1 + (at % (text.length - 1)))
      const now = written ? `${lost}other\n` : lost
      const resumed = await resume(reader(now), position, { size: now.length, watched: false })
      const { offset } = resumed.position
      assert.ok(offset <= lost.length, 'nothing that came after the loss is skipped')
      assert.ok(offset === 0 || now[offset - 1] === '\n')
      const again = read([now.slice(offset)], resumed.position)
      const whole = now.lastIndexOf('\n') + 1
      assert.equal(again.offset, whole)
      if (lost.length > 1024) {
        const direct = read([now])
        assert.deepEqual(again.head, direct.head)
        assert.deepEqual(again.recent.at(-1), direct.recent.at(-1))
      }
    })
  )
})

test('marks reach far back and stand densely at the end', () => {
  const chunk = `${'x'.repeat(1023)}\n`.repeat(64)
  const position = read(Array.from({ length: 1000 }, () => chunk))
  const distances = position.marks.map((mark) => (position.offset - mark.offset) / chunk.length)
  assert.equal(distances.at(-1), 0)
  assert.ok((distances.at(-2) ?? 2) <= 1)
  assert.ok((distances[0] ?? 0) > 900)
  for (let i = 1; i < distances.length - 2; i++) {
    const [older = 0, newer = 0] = distances.slice(i - 1)
    assert.ok(older <= 4 * newer, `${older} and ${newer} chunks from the end`)
  }
})
