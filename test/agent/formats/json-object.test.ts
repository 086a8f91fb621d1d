import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseJsonObject, printJson } from '../../../agent/formats/json-object.ts'
import { cpuMsOf } from '../../support/cpu-time.ts'

test('whole numbers that a double cannot hold come out as they went in', () => {
  const text = '{"a":1234567890123456789,"b":[-99999999999999999999],"c":"1234567890123456789"}'
  assert.equal(printJson(parseJsonObject(text) ?? {}), text)
})

test('a text that looks like the mark of a long number stays a text', () => {
  const text = '{"a":1234567890123456789,"b":"\\u0000int:5"}'
  assert.equal(printJson(parseJsonObject(text) ?? {}), text)
  assert.equal(printJson({ a: 1n, b: '\u0000int:5' }), '{"a":1,"b":"\\u0000int:5"}')
})

test('half a document full of escaped quotes takes no longer for its long number', () => {
  const text = `{"a":1234567890123456789,"b":"${'\\"x'.repeat(20_000)}`
  const cpuMs = cpuMsOf(() => assert.equal(parseJsonObject(text), undefined))
  assert.ok(cpuMs < 1000, `${cpuMs} ms`)
})
