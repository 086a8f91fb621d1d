import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect, type Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import type { Operations } from '../../../../../../gateway/engines/embedded/wire/operation.ts'
import { cleanUp } from '../../../../../support/cleanup.ts'
import { halfHandshake } from '../../../../../support/half-handshake.ts'
import { ManualClock, settle } from '../../../../../support/manual-clock.ts'
import { runningServer } from '../running-server.ts'

const never = new AbortController().signal
const target = 'Kinesis_20131202.Hold'
const signed = {
  'content-type': 'application/x-amz-json-1.1',
  authorization:
    'AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=00',
  'x-amz-date': '20260101T000000Z',
  'x-amz-target': target
}

interface Holding {
  readonly operations: Operations
  /** Calls that have come. */
  readonly calls: () => number
  readonly letGo: () => void
}

/** An operation that answers when it is let go. */
function holding(): Holding {
  const events = new EventEmitter()
  const free = once(events, 'free')
  let calls = 0
  const answer = async () => {
    calls += 1
    await free
    return { done: true }
  }
  return {
    operations: { Hold: { answer } },
    calls: () => calls,
    letGo: () => events.emit('free')
  }
}

async function socketTo(t: TestContext, port: number | undefined): Promise<Socket> {
  const socket = connect(port ?? 0, '127.0.0.1')
  cleanUp(t, () => socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** All that comes until the other side ends. */
async function textOf(from: Readable): Promise<string> {
  let text = ''
  for await (const chunk of from) text += String(chunk)
  return text
}

function headText(headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ host: 'x', ...signed, ...headers })
  return `POST / HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
}

test('the version is told by the first bytes, however they are cut', async (t) => {
  const { operations, letGo } = holding()
  letGo()
  const { server } = await runningServer(t, { operations })
  const socket = await socketTo(t, server.ports()[0])
  const request = `${headText({ 'content-length': '2', connection: 'close' })}{}`
  for (const part of [request.slice(0, 1), request.slice(1, 9), request.slice(9)]) {
    socket.write(part)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  assert.match(await textOf(socket), /^HTTP\/1\.1 200 OK[^]*\{"done":true\}$/)

  const preface = await socketTo(t, server.ports()[0])
  for (const part of ['PRI * HT', 'TP/2.0\r\n\r\nSM\r\n\r\n', '\0\0\0\x04\0\0\0\0\0']) {
    preface.write(part)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const [settings] = await once(preface, 'data')
  assert.equal(settings[3], 4, 'a SETTINGS frame')
})

test('a connection that does not say what it speaks is cut off', async (t) => {
  const clock = new ManualClock()
  const { server } = await runningServer(t, { clock, limits: { headersTimeoutMs: 3000 } })
  const socket = await socketTo(t, server.ports()[0])
  socket.write('PRI')
  await until(() => clock.sleeping > 0 && server.stats().connections === 1)
  await clock.advance(3000)
  assert.equal(await textOf(socket), '')
})

test('a body over the limit is refused before it has come, and is not waited for', async (t) => {
  const { server } = await runningServer(t, {
    operations: holding().operations,
    limits: { bodyBytes: 1000 }
  })
  const announced = await socketTo(t, server.ports()[0])
  announced.write(headText({ 'content-length': '100000' }))
  assert.match(await textOf(announced), /400 Bad Request[^]*ValidationException[^]*1000 bytes/)
  const chunked = await socketTo(t, server.ports()[0])
  chunked.write(`${headText({ 'transfer-encoding': 'chunked' })}3e9\r\n${'x'.repeat(1001)}\r\n`)
  assert.match(await textOf(chunked), /400 Bad Request[^]*ValidationException/)
  assert.equal(server.stats().bodyBytes, 0)
})

test('what little is left of a refused body is passed over, and the connection goes on', async (t) => {
  const { operations, letGo } = holding()
  letGo()
  const { server } = await runningServer(t, { operations, limits: { bodyBytes: 1000 } })
  const socket = await socketTo(t, server.ports()[0])
  socket.write(headText({ 'content-length': '1001' }))
  const [refusal] = await once(socket, 'data')
  assert.match(String(refusal), /ValidationException/)
  socket.write(`${'x'.repeat(1001)}${headText({ 'content-length': '2', connection: 'close' })}{}`)
  assert.match(await textOf(socket), /200 OK[^]*\{"done":true\}/)
})

test('a refused body over HTTP/2 leaves its connection to the others', async (t) => {
  const { operations, letGo } = holding()
  letGo()
  const { url } = await runningServer(t, { operations, limits: { bodyBytes: 1000 } })
  const session = connectHttp2(url)
  cleanUp(t, () => session.destroy())
  for (let i = 0; i < 3; i++) {
    const refused = session.request({ ':method': 'POST', ...signed })
    // More than the window of the connection.
    refused.write(Buffer.alloc(100_000))
    assert.match(await textOf(refused), /ValidationException/)
    const taken = session.request({ ':method': 'POST', ...signed })
    taken.end(JSON.stringify({ filler: 'x'.repeat(900) }))
    assert.equal(await textOf(taken), '{"done":true}')
  }
})

test('a body that does not come in time ends its connection and gives its room back', async (t) => {
  const clock = new ManualClock()
  const { server } = await runningServer(t, {
    operations: holding().operations,
    clock,
    limits: { bodyTimeoutMs: 4000 }
  })
  const socket = await socketTo(t, server.ports()[0])
  socket.write(`${headText({ 'content-length': '100' })}{`)
  await until(() => server.stats().bodyBytes === 100)
  await clock.advance(4000)
  assert.match(await textOf(socket), /^$|within 4000 ms/)
  assert.equal(server.stats().bodyBytes, 0)
})

test('a body that comes slowly has a second more for each 256 KiB, and no longer', async (t) => {
  const clock = new ManualClock()
  const { operations, calls, letGo } = holding()
  letGo()
  const limits = { bodyTimeoutMs: 4000 }
  const { server } = await runningServer(t, { operations, clock, limits })
  const slow = await socketTo(t, server.ports()[0])
  const length = 512 * 1024
  slow.write(`${headText({ 'content-length': String(length), connection: 'close' })}"`)
  slow.write('x'.repeat(length - 3))
  await until(() => server.stats().bodyBytes === length)
  await clock.advance(5900)
  slow.write('x"')
  assert.match(await textOf(slow), /200 OK/)
  const tooSlow = await socketTo(t, server.ports()[0])
  tooSlow.write(`${headText({ 'content-length': String(length) })}"`)
  tooSlow.write('x'.repeat(length - 3))
  await until(() => server.stats().bodyBytes === length)
  // It is looked at once a second.
  await clock.advance(7000)
  assert.match(await textOf(tooSlow), /^$|within 5999 ms/)
  assert.equal(calls(), 1)
})

test('an announced length holds no room before bytes come', async (t) => {
  const { operations, letGo } = holding()
  letGo()
  const limits = { poolBytes: 16 * 1024 * 1024 }
  const { server, url } = await runningServer(t, { operations, limits })
  const silent = 10
  for (let i = 0; i < silent; i++) {
    const socket = await socketTo(t, server.ports()[0])
    socket.write(headText({ 'content-length': '14000000' }))
  }
  await until(() => server.stats().bodyBytes === silent * 64 * 1024)
  const body = JSON.stringify({ filler: 'x'.repeat(10_000_000) })
  const response = await fetch(url, { method: 'POST', headers: signed, body })
  assert.deepEqual(await response.json(), { done: true })
})

test('bodies together take no more than the pool', async (t) => {
  const clock = new ManualClock()
  const limits = { poolBytes: 150, poolWaitMs: 1000 }
  const { server, url } = await runningServer(t, {
    operations: holding().operations,
    clock,
    limits
  })
  const socket = await socketTo(t, server.ports()[0])
  socket.write(`${headText({ 'content-length': '100' })}{`)
  await until(() => server.stats().bodyBytes === 100)
  const body = JSON.stringify({ filler: 'x'.repeat(80) })
  const refused = fetch(url, { method: 'POST', headers: signed, body })
  // It waits from when it has come.
  while (server.stats().refusedBodies === 0) await clock.advance(10)
  const response = await refused
  assert.equal(response.status, 500)
  assert.equal(server.stats().refusedBodies, 1)
  await response.text()
})

test('what is under way is answered when the server stops, and the connections end', async (t) => {
  const { operations, calls, letGo } = holding()
  const { server, url } = await runningServer(t, { operations })
  const session = connectHttp2(url)
  cleanUp(t, () => session.destroy())
  const stream = session.request({ ':method': 'POST', ...signed })
  stream.end('{}')
  const overHttp1 = fetch(url, { method: 'POST', headers: signed, body: '{}' })
  await until(() => calls() === 2)
  const stopped = server.stop(never)
  await assert.rejects(fetch(url, { method: 'POST', headers: signed, body: '{}' }))
  letGo()
  assert.equal(await textOf(stream), '{"done":true}')
  assert.deepEqual(await (await overHttp1).json(), { done: true })
  await stopped
  await until(() => server.stats().connections === 0)
})

test('a connection that has said nothing yet does not hold up the stop', async (t) => {
  const { server } = await runningServer(t, { clock: new ManualClock() })
  const socket = await socketTo(t, server.ports()[0])
  await until(() => server.stats().connections === 1)
  await server.stop(never)
  assert.equal(await textOf(socket), '')
})

test('a TLS handshake that stays half ends in time, and goes on for nobody else', async (t) => {
  const clock = new ManualClock()
  const { operations, letGo } = holding()
  letGo()
  const { server } = await runningServer(t, {
    clock,
    operations,
    tls: { listen: { host: '127.0.0.1', port: 0 } },
    limits: { headersTimeoutMs: 3000 }
  })
  const port = server.ports()[1] ?? 0
  const good = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
  cleanUp(t, () => good.destroy())
  await once(good, 'connect')
  const half = await halfHandshake(t, port)
  await until(() => server.stats().connections === 2)
  await clock.advance(2999)
  assert.equal(half.isClosed, false)
  await clock.advance(1)
  await until(() => half.isClosed)
  const stream = good.request({ ':method': 'POST', ...signed })
  stream.end('{}')
  assert.equal(await textOf(stream), '{"done":true}')
})

test('a half TLS handshake does not hold up the stop', async (t) => {
  const { server } = await runningServer(t, {
    clock: new ManualClock(),
    tls: { listen: { host: '127.0.0.1', port: 0 } }
  })
  const half = await halfHandshake(t, server.ports()[1] ?? 0)
  await until(() => server.stats().connections === 1)
  await server.stop(never)
  await until(() => half.isClosed)
})

test('a subscription that is under way when the server stops ends well', async (t) => {
  const clock = new ManualClock()
  const { engine, server, url } = await runningServer(t, { clock })
  const consumers = [{ name: 'c', createdSeconds: 1, tags: [] }]
  await engine.create('s', { shards: 1, settings: { consumers } })
  const session = connectHttp2(url)
  cleanUp(t, () => session.destroy())
  const headers = { ...signed, 'x-amz-target': 'Kinesis_20131202.SubscribeToShard' }
  const stream = session.request({ ':method': 'POST', ...headers })
  stream.end(
    JSON.stringify({
      ConsumerARN: 'arn:aws:kinesis:us-east-1:000000000000:stream/s/consumer/c:1',
      ShardId: 'shardId-000000000000',
      StartingPosition: { Type: 'LATEST' }
    })
  )
  const [response] = await once(stream, 'response')
  assert.equal(response['content-type'], 'application/vnd.amazon.eventstream')
  const text = textOf(stream)
  await server.stop(never)
  assert.match(await text, /initial-response/)
  assert.doesNotMatch(await text, /exception/)
})

test('what does not end by the deadline is cut off', async (t) => {
  const { operations, calls } = holding()
  const { server, url } = await runningServer(t, { operations })
  const asked = assert.rejects(fetch(url, { method: 'POST', headers: signed, body: '{}' }))
  await until(() => calls() === 1)
  const deadline = new AbortController()
  const stopped = server.stop(deadline.signal)
  deadline.abort()
  await stopped
  await asked
})

/** Waits for what the network brings; the test's own time limit ends it. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await settle(1)
}
