import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tapLine } from '../../../agent/control/tap-line.ts'

const record = {
  ...{ source: 'app', side: 'after', stream: 's', partitionKey: 'dev', time: 1_700_000_000_123 },
  ...{ bytes: 5, text: 'hello' }
}
const textOf = (more: object) =>
  tapLine(JSON.stringify({ ...record, ...more }), { format: 'text', device: 'dev' }).text

test('a line says when, where, what, and what is not as usual', () => {
  assert.equal(textOf({}), '22:13:20.123 app > hello')
  assert.equal(
    textOf({ side: 'before', partitionKey: 'k', attributes: { a: 'b' } }),
    '22:13:20.123 app < hello  key=k  a=b'
  )
  assert.match(textOf({ cut: true, bytes: 99 }), /hello… \(99 bytes\)$/)
  assert.match(textOf({ text: undefined, data: '/w==' }), /> base64 \/w==$/)
})

test('what a device writes does not command the terminal', () => {
  const shown = textOf({ text: '\u001b[2J\r\n\u0007', attributes: { a: '\u009b1m' } })
  assert.doesNotMatch(shown, /\p{Cc}/u)
})

test('a notice of drops is no record', () => {
  const told = tapLine('{"dropped":7}', { format: 'text', device: 'dev' })
  assert.equal(told.isRecord, false)
  assert.match(told.text, /^\(7 records/)
  assert.deepEqual(tapLine('{"dropped":7}', { format: 'ndjson', device: 'dev' }), {
    text: '{"dropped":7}',
    isRecord: false
  })
})
