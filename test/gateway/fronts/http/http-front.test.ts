import assert from 'node:assert/strict'
import { createServer, request } from 'node:http'
import { request as requestTls } from 'node:https'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { makeCertificate, steadyTls } from '../../../support/certificate.ts'
import { tempDir } from '../../../support/temp-dir.ts'
import { startFront, talk, until } from './fixture.ts'

const text = { 'content-type': 'text/plain' }

test('everybody may ask whether it lives and is ready; the reasons are named when it is not', async (t) => {
  const { url, notReady } = await startFront(t, { mode: 'devices' })
  assert.equal((await fetch(`${url}/healthz`)).status, 200)
  assert.equal((await fetch(`${url}/readyz`)).status, 200)
  notReady.push('the disk is full')
  const response = await fetch(`${url}/readyz`)
  assert.equal(response.status, 503)
  assert.deepEqual(await response.json(), { status: 'not_ready', reasons: ['the disk is full'] })
})

test('metrics are Prometheus text, and the root says what this is', async (t) => {
  const { url } = await startFront(t)
  const metrics = await fetch(`${url}/metrics`)
  assert.match(metrics.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  assert.equal(await metrics.text(), 'up 1\n')
  assert.match(await (await fetch(url)).text(), /Headwater gateway/)
})

test('unknown paths, methods and bad URLs are answered with code and message', async (t) => {
  const { url, port } = await startFront(t)
  for (const [path, method, status] of [
    ['/v2/batches', 'POST', 404],
    ['/v1/batches', 'GET', 404],
    ['/healthz', 'DELETE', 404],
    [`/v1/streams/${'x'.repeat(300)}`, 'GET', 400]
  ] as const) {
    const response = await fetch(`${url}${path}`, { method })
    assert.equal(response.status, status, path)
    const { code, message } = (await response.json()) as { code: string; message: string }
    assert.equal(code, status === 404 ? 'not_found' : 'invalid')
    assert.notEqual(message, '')
  }
  const bad = await talk(port, 'GET /%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  assert.match(bad, /^HTTP\/1\.1 400 [^]*"code":"invalid"/)
})

test('a body over the limit is refused by its Content-Length, and while it comes without one', async (t) => {
  const { records, port, front } = await startFront(t, { limits: { bodyBytes: 1000 } })
  const announced = await fetch(records, { method: 'POST', body: 'x'.repeat(1001), headers: text })
  assert.equal(announced.status, 413)
  assert.match(await announced.text(), /1000 bytes/)
  const chunk = `${(400).toString(16)}\r\n${'x'.repeat(400)}\r\n`
  const head =
    'POST /v1/streams/telemetry/records HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n'
  assert.match(await talk(port, `${head}${chunk.repeat(3)}0\r\n\r\n`), /^HTTP\/1\.1 413 /)
  const fits = await fetch(records, { method: 'POST', body: 'x'.repeat(900), headers: text })
  assert.equal(fits.status, 200)
  assert.equal(front.stats().bodyBytes, 0)
})

test('a gzip bomb unpacks to no more than the limit of a batch and is refused', async (t) => {
  const { records, front } = await startFront(t)
  const bomb = gzipSync(Buffer.alloc(40 * 1024 * 1024))
  const headers = { ...text, 'content-encoding': 'gzip' }
  const response = await fetch(records, { method: 'POST', body: bomb, headers })
  assert.equal(response.status, 413)
  assert.equal(front.stats().bodyBytes, 0)
})

test('a body that waits for room in the pool is read when room comes, else refused with 503', async (t) => {
  const { records, port, front } = await startFront(t, {
    limits: { poolBytes: 1000, poolWaitMs: 300 }
  })
  const holder = request(records, { method: 'POST', headers: { 'content-length': '900' } })
  const answered = once(holder, 'response').then(([response]) => response.resume())
  holder.write('x')
  await until(() => front.stats().bodyBytes === 900)
  const refused = await fetch(records, { method: 'POST', body: 'x'.repeat(200), headers: text })
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '1'])
  const waiting = fetch(records, { method: 'POST', body: 'x'.repeat(200), headers: text })
  holder.end('x'.repeat(899))
  assert.equal((await waiting).status, 200)
  assert.equal(front.stats().refusedBodies, 1)
  await answered
  // A sender that goes in the middle of its body gives its room back.
  const head =
    'POST /v1/streams/telemetry/records HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n'
  await talk(port, `${head}xx`, true)
  await until(() => front.stats().bodyBytes === 0)
})

test('headers that are too long, too slow or no HTTP, and slow bodies, are answered and closed', async (t) => {
  const { port, url } = await startFront(t, {
    limits: { headersTimeoutMs: 100, bodyTimeoutMs: 200 }
  })
  const head = 'POST /v1/streams/telemetry/records HTTP/1.1\r\nHost: localhost\r\n'
  const answers = await Promise.all([
    talk(port, `${head}X-Long: ${'x'.repeat(10_000)}\r\n\r\n`),
    talk(port, head),
    talk(port, '\x16\x03\x01 this is TLS'),
    talk(port, `${head}Content-Length: 10\r\n\r\nabc`)
  ])
  const [long, slow, foreign, dribble] = answers
  assert.match(long, /^HTTP\/1\.1 431 [^]*"code":"too_large"/)
  assert.match(slow, /^HTTP\/1\.1 408 /)
  assert.match(foreign, /^HTTP\/1\.1 400 [^]*"code":"invalid"/)
  assert.match(dribble, /^HTTP\/1\.1 408 /)
  assert.equal((await fetch(`${url}/healthz`)).status, 200)
})

test('connections over the limit are refused, the others go on', async (t) => {
  const { port, front } = await startFront(t, { limits: { connections: 2, headersTimeoutMs: 300 } })
  const held = [talk(port, 'GET'), talk(port, 'GET')]
  await until(() => front.stats().connections === 2)
  assert.equal(await talk(port, 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n'), '')
  await Promise.all(held)
  assert.match(
    await talk(port, 'GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'),
    /^HTTP\/1\.1 200/
  )
})

test('a port that is taken is named with the flag that moves it', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.after(() => other.close())
  const address = other.address()
  const port = typeof address === 'object' && address ? address.port : 0
  await assert.rejects(startFront(t, { listener: { host: '127.0.0.1', port } }), {
    code: 'port_taken',
    message: new RegExp(`127\\.0\\.0\\.1:${port}.*--http`)
  })
})

test('with a certificate the front speaks TLS', async (t) => {
  const pair = makeCertificate(await tempDir(t))
  assert.ok(pair, 'openssl is needed for this test')
  const cert = await readFile(pair.cert, 'utf8')
  const tls = { cert, key: await readFile(pair.key, 'utf8') }
  const { url } = await startFront(t, {
    listener: { host: '127.0.0.1', port: 0, tls: steadyTls(tls) }
  })
  const asked = requestTls(`${url}/healthz`, { ca: cert }).end()
  const [response] = await once(asked, 'response')
  assert.equal(response.statusCode, 200)
  response.resume()
})

test('an address that is none is refused without being repeated: a token may stand in it', async (t) => {
  const { url } = await startFront(t)
  const response = await fetch(`${url}/v1/track/%?token=secret`)
  assert.equal(response.status, 400)
  assert.doesNotMatch(await response.text(), /secret/)
})

test('stop answers what is under way and takes no more', async (t) => {
  const { front, records, sharding } = await startFront(t)
  sharding.holds = true
  const underWay = fetch(records, { method: 'POST', body: 'a', headers: text })
  await until(() => sharding.taken.length === 1)
  const deadline = new AbortController()
  const stopped = front.stop(deadline.signal)
  assert.equal(front.stop(deadline.signal), stopped)
  await assert.rejects(fetch(records, { method: 'POST', body: 'b', headers: text }))
  sharding.land()
  assert.equal((await underWay).status, 200)
  await stopped
})

test('stop cuts what is under way at its deadline', async (t) => {
  const { front, records, sharding } = await startFront(t)
  sharding.holds = true
  const underWay = fetch(records, { method: 'POST', body: 'a', headers: text })
  await until(() => sharding.taken.length === 1)
  const deadline = new AbortController()
  const stopped = front.stop(deadline.signal)
  deadline.abort()
  await assert.rejects(underWay)
  await stopped
  sharding.land()
})
