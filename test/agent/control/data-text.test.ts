import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { dataText } from '../../../agent/control/data-text.ts'

test('text that is cut is a beginning of the text, at most three bytes short', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(40), (text, maxBytes) => {
      const data = Buffer.from(text)
      const { text: shown = '', bytes, cut } = dataText(data, maxBytes)
      assert.equal(bytes, data.length)
      assert.ok(data.toString().startsWith(shown))
      const length = Buffer.byteLength(shown)
      assert.ok(length <= maxBytes && length >= Math.min(data.length, maxBytes - 3))
      assert.equal(cut, data.length > maxBytes ? true : undefined)
    })
  )
})

test('what is no text is base64', () => {
  assert.deepEqual(dataText(Buffer.of(0xff, 0, 1), 10), { bytes: 3, data: '/wAB' })
  assert.deepEqual(dataText(Buffer.of(0xff, 0, 1, 2), 3), { bytes: 4, cut: true, data: '/wAB' })
})
