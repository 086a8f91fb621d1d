import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import type { Operations } from '../../../../../../gateway/engines/embedded/wire/operation.ts'
import { cleanUp } from '../../../../../support/cleanup.ts'
import { ManualClock, settle } from '../../../../../support/manual-clock.ts'
import { type RunningServer, runningServer } from '../running-server.ts'

const largeBytes = 8 * 1024 * 1024
const signed = {
  'content-type': 'application/x-amz-json-1.1',
  authorization:
    'AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=00',
  'x-amz-date': '20260101T000000Z',
  'x-amz-target': 'Kinesis_20131202.Large'
}

interface Rig extends RunningServer {
  readonly clock: ManualClock
  /** How often the operation ran. */
  readonly calls: () => number
}

/** A server with one operation whose answers are large, and room for two of them. */
async function rig(t: TestContext): Promise<Rig> {
  const clock = new ManualClock()
  let calls = 0
  const text = 'x'.repeat(largeBytes)
  const answer = async () => {
    calls += 1
    return { text }
  }
  const operations: Operations = { Large: { mostAnswerBytes: largeBytes + 100, answer } }
  const limits = { answerPoolBytes: 2 * (largeBytes + 100), poolWaitMs: 1000 }
  const server = await runningServer(t, { operations, clock, limits })
  return { ...server, clock, calls: () => calls }
}

const headers = Object.entries(signed).map(([name, value]) => `${name}: ${value}\r\n`)
const request = `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n${headers.join('')}\r\n{}`

async function silentSocket(t: TestContext, { server }: RunningServer, text: string) {
  const socket = connect(server.ports()[0] ?? 0, '127.0.0.1')
  cleanUp(t, () => socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.pause()
  socket.write(text)
  return socket
}

test('answers that are not read take no more than their pool, and others are told to try again', async (t) => {
  const running = await rig(t)
  const { server, clock, calls, url } = running
  for (let i = 0; i < 2; i++) await silentSocket(t, running, request)
  await until(() => server.stats().answerBytes > 2 * largeBytes && calls() === 2)
  const refused = fetch(url, { method: 'POST', headers: signed, body: '{}' })
  while (server.stats().refusedAnswers === 0) await clock.advance(10)
  const response = await refused
  assert.equal(response.status, 500)
  assert.match(await response.text(), /InternalFailure.*for answers/)
  assert.equal(calls(), 2)
  assert.ok(clock.monoMs() < 60_000)
})

test('an answer of which nothing is taken for 60 s is cut off, over both versions', async (t) => {
  const running = await rig(t)
  const { server, clock, url, calls } = running
  await silentSocket(t, running, request)
  const session = connectHttp2(url, { settings: { initialWindowSize: 0 } })
  session.on('error', () => {})
  cleanUp(t, () => session.destroy())
  const stream = session.request({ ':method': 'POST', ...signed })
  stream.on('error', () => {})
  stream.end('{}')
  await until(() => calls() === 2 && server.stats().answerBytes > 2 * largeBytes)
  await settle(50)
  await clock.advance(61_000)
  await until(() => server.stats().answerBytes === 0)
})

test('an answer that is taken slowly is not cut off', async (t) => {
  const running = await rig(t)
  const { server, clock } = running
  const socket = await silentSocket(t, running, request)
  await until(() => server.stats().answerBytes > largeBytes)
  let bytes = 0
  while (bytes < largeBytes) {
    const chunk: Buffer | null = socket.read()
    if (chunk) {
      bytes += chunk.length
      await clock.advance(1000)
    } else await settle(1)
  }
  await until(() => server.stats().answerBytes === 0)
  assert.ok(clock.monoMs() > 60_000)
})

test('requests sent ahead on one HTTP/1.1 connection are answered one after the other', async (t) => {
  const running = await rig(t)
  const { server, calls } = running
  const ahead = 20
  const socket = await silentSocket(t, running, request.repeat(ahead))
  await until(() => server.stats().answerBytes > largeBytes)
  await settle(50)
  assert.equal(calls(), 1)
  let bytes = 0
  socket.on('data', (chunk) => (bytes += chunk.length)).resume()
  await until(() => bytes > ahead * largeBytes)
  assert.equal(calls(), ahead)
  await until(() => server.stats().answerBytes === 0)
})

test('a connection that sends hundreds of requests ahead is cut off', async (t) => {
  const running = await rig(t)
  const socket = await silentSocket(t, running, request.repeat(500))
  await until(() => running.calls() === 1)
  socket.resume()
  await until(() => socket.closed)
  await until(() => running.server.stats().answerBytes === 0)
  assert.ok(running.calls() < 100)
})

/** Waits for what the network brings; the test's own time limit ends it. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await settle(1)
}
