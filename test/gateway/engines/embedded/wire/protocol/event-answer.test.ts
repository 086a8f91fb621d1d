import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import type { WireEvent } from '../../../../../../gateway/engines/embedded/wire/operation.ts'
import { sendEvents } from '../../../../../../gateway/engines/embedded/wire/protocol/event-answer.ts'
import { jsonFormat } from '../../../../../../gateway/engines/embedded/wire/protocol/json-format.ts'
import type { HttpResponse } from '../../../../../../gateway/engines/embedded/wire/transport/http-exchange.ts'
import { WireError } from '../../../../../../gateway/engines/embedded/wire/wire-error.ts'
import { ManualClock, settle } from '../../../../../support/manual-clock.ts'

/** Takes what is written when it is told to. */
function slowResponse(): { response: HttpResponse; written: string[]; take: () => void } {
  const written: string[] = []
  let done: () => void = () => {}
  const writable = new Writable({
    highWaterMark: 1,
    write(chunk, _encoding, callback) {
      written.push(String(chunk))
      done = callback
    }
  })
  writable.on('error', () => {})
  const response = Object.assign(writable, {
    statusCode: 200,
    headersSent: true,
    setHeader: () => {}
  })
  return { response, written, take: () => done() }
}

function setup(events: AsyncIterable<WireEvent>) {
  const slow = slowResponse()
  const clock = new ManualClock()
  const { signal } = new AbortController()
  const errors: string[] = []
  const onError = ({ type }: WireError) => errors.push(type)
  const { response } = slow
  const sent = sendEvents({ events }, { response, format: jsonFormat, signal, clock, onError })
  return { ...slow, clock, errors, sent }
}

test('an event is asked for when the one before was taken', async () => {
  let asked = 0
  async function* count(): AsyncGenerator<WireEvent> {
    for (; asked < 2; ) {
      asked += 1
      yield { type: 'Tick', payload: { n: asked } }
    }
  }
  const { written, take, sent } = setup(count())
  await settle()
  assert.match(written[0] ?? '', /initial-response/)
  assert.equal(asked, 0)
  take()
  await settle()
  assert.equal(asked, 1)
  assert.match(written[1] ?? '', /Tick.*\{"n":1\}/s)
  for (let i = 0; i < 3; i++) {
    take()
    await settle()
  }
  await sent
  assert.equal(written.length, 3)
})

test('an error is the last event', async () => {
  const next = () => Promise.reject(new WireError('ResourceInUseException', 'taken over'))
  const failing = { [Symbol.asyncIterator]: () => ({ next }) }
  const { written, take, errors, sent } = setup(failing)
  await settle()
  take()
  await sent
  assert.match(written[1] ?? '', /exception.*ResourceInUseException.*\{"message":"taken over"\}/s)
  assert.deepEqual(errors, ['ResourceInUseException'])
})

test('a client that takes nothing for a minute is cut off', async () => {
  async function* none(): AsyncGenerator<WireEvent> {}
  const { response, clock } = setup(none())
  await clock.advance(59_999)
  assert.equal(response.destroyed, false)
  await clock.advance(1)
  assert.equal(response.destroyed, true)
})
