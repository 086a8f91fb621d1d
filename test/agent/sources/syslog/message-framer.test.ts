import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MessageFramer } from '../../../../agent/sources/syslog/message-framer.ts'

function cutInto(pieces: readonly (string | Buffer)[], maxBytes = 1000, whole = true) {
  const messages: string[] = []
  const kept: { bytes: Buffer; text: string }[] = []
  const framer = new MessageFramer(maxBytes, (bytes, cut) => {
    const text = bytes.toString('latin1')
    kept.push({ bytes, text })
    messages.push(cut ? `${text}…` : text)
  })
  for (const piece of pieces) framer.push(Buffer.from(piece))
  framer.end(whole)
  for (const { bytes, text } of kept) assert.equal(bytes.toString('latin1'), text)
  return messages
}

test('counted messages and lines are told apart, each by itself', () => {
  assert.deepEqual(
    cutInto(['5 <1>ab<2>line\n6 <3>a\nb4 <4>\n\n\r\n<5>nul\0<6>crlf\r\n12 is text\n']),
    ['<1>ab', '<2>line', '<3>a\nb', '<4>', '<5>nul', '<6>crlf', '12 is text']
  )
})

test('a message that is too long is cut, and the next one is found', () => {
  const long = 'x'.repeat(50)
  assert.deepEqual(cutInto([`<1>${long}\n<2>b\n`], 10), ['<1>xxxxxxx…', '<2>b'])
  assert.deepEqual(cutInto([`53 <1>${long}<2>b\n`], 10), ['<1>xxxxxxx…', '<2>b'])
  assert.deepEqual(cutInto([`<1>${long}`, long, '\n<2>b\n'], 10), ['<1>xxxxxxx…', '<2>b'])
  assert.deepEqual(cutInto(['999999999 <1>a\n<2>b\n']), ['999999999 <1>a', '<2>b'])
})

test('what is unfinished at the end is taken, and marked where its end is missing', () => {
  assert.deepEqual(cutInto(['<1>a\n<2>b']), ['<1>a', '<2>b'])
  assert.deepEqual(cutInto(['<1>a\n<2>b'], 1000, false), ['<1>a', '<2>b…'])
  assert.deepEqual(cutInto(['9 <1>a']), ['<1>a…'])
  assert.deepEqual(cutInto(['12']), ['12'])
  assert.deepEqual(cutInto(['']), [])
})

test('the messages do not depend on how the stream is cut into pieces', () => {
  const tokens = fc.constantFrom(
    '<1>a',
    '\n',
    '\0',
    '\r\n',
    '5 <2>b',
    '3 <',
    '12 ',
    '0',
    ' ',
    'éxyz'
  )
  const stream = fc.array(tokens, { maxLength: 30 }).map((parts) => Buffer.from(parts.join('')))
  const cuts = fc.array(fc.nat(80), { maxLength: 20 })
  fc.assert(
    fc.property(stream, cuts, fc.integer({ min: 3, max: 20 }), (bytes, at, maxBytes) => {
      const places = [0, ...at.sort((a, b) => a - b), bytes.length]
      const pieces = places.slice(1).map((end, i) => bytes.subarray(places[i], end))
      assert.deepEqual(cutInto(pieces, maxBytes), cutInto([bytes], maxBytes))
    }),
    { numRuns: 2000 }
  )
})

test('one byte at a time, or all delimiters, costs in proportion to the bytes', () => {
  const begun = process.cpuUsage().user
  const framer = new MessageFramer(64 * 1024, () => undefined)
  for (let i = 0; i < 300_000; i++) framer.push(Buffer.from([0x61]))
  for (let i = 0; i < 50; i++) framer.push(Buffer.alloc(64 * 1024, 'a\0'))
  assert.ok(process.cpuUsage().user - begun < 3_000_000)
})
