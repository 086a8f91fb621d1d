import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonFormat } from '../../../../../../gateway/engines/embedded/wire/protocol/json-format.ts'
import { wireFormatOf } from '../../../../../../gateway/engines/embedded/wire/protocol/wire-format-of.ts'

test('blobs are base64, times seconds with a fraction, and what is undefined is left out', () => {
  const value = {
    Data: Buffer.from('hello'),
    At: new Date(1_603_152_823_565),
    List: [{ 'a"b': true, gone: undefined }, 'é'],
    Next: undefined
  }
  assert.equal(
    jsonFormat.encode(value).toString(),
    '{"Data":"aGVsbG8=","At":1603152823.565,"List":[{"a\\"b":true},"é"]}'
  )
})

test('what is not JSON is refused', () => {
  assert.throws(() => jsonFormat.decode(Buffer.from('{')), { type: 'SerializationException' })
  assert.throws(() => jsonFormat.decode(Buffer.alloc(0)), { type: 'SerializationException' })
})

test('the format is known by its content type, whatever its parameters and case', () => {
  assert.equal(wireFormatOf('Application/X-Amz-Json-1.1; charset=utf-8'), jsonFormat)
  assert.equal(wireFormatOf('application/json'), undefined)
  assert.equal(wireFormatOf(undefined), undefined)
})
