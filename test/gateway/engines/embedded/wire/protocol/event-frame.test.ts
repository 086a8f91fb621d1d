import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventStreamCodec } from '@smithy/core/event-streams'
import { eventFrame } from '../../../../../../gateway/engines/embedded/wire/protocol/event-frame.ts'

test('the SDK reads the headers and the payload of a frame, and finds its checksums right', () => {
  const codec = new EventStreamCodec(
    (bytes) => Buffer.from(bytes).toString(),
    (text) => Buffer.from(text)
  )
  const payload = Buffer.from('{"Records":[]}')
  const message = codec.decode(
    eventFrame({ ':message-type': 'event', ':event-type': 'é' }, payload)
  )
  assert.deepEqual(message.headers, {
    ':message-type': { type: 'string', value: 'event' },
    ':event-type': { type: 'string', value: 'é' }
  })
  assert.deepEqual(Buffer.from(message.body), payload)
})
