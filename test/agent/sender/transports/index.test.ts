import assert from 'node:assert/strict'
import { test } from 'node:test'
import { open } from '../../../contract/transport.ts'
import { failsWith } from '../../../contract/transport.ts'

test('each scheme has its transport, and an unknown one is refused with those that are known', (t) => {
  for (const scheme of ['http', 'https', 'mqtt', 'mqtts']) {
    const url = new URL(`${scheme}://gateway:9999`)
    assert.equal(open(t, { url, format: 'cbor' }).name, `${scheme}://gateway:9999`)
  }
  const unknown = () => open(t, { url: new URL('ftp://gateway'), format: 'cbor' })
  assert.throws(unknown, failsWith('config'))
  assert.throws(unknown, /mqtts:\/\//)
})
