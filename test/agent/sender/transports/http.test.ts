import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import type { TransportOptions } from '../../../../agent/sender/transports/transport.ts'
import { HeadwaterError } from '../../../../shared/errors.ts'
import { encodeAckCbor } from '../../../../shared/wire/ack.ts'
import { failsWith, open, transportContract } from '../../../contract/transport.ts'
import { makeCertificate } from '../../../support/certificate.ts'
import { FakeHttpGateway } from '../../../support/fake-gateway-http.ts'
import { ackOf } from '../../../support/fake-gateway-script.ts'
import { frameOf } from '../../../support/stored-frames.ts'
import { tempDir } from '../../../support/temp-dir.ts'

transportContract('http', 'cbor', () => FakeHttpGateway.open())
transportContract('http', 'json', () => FakeHttpGateway.open())

const never = new AbortController().signal
const frame = frameOf(['a', 'b'])

async function setup(t: TestContext, options: Partial<TransportOptions> = {}) {
  const gateway = await FakeHttpGateway.open()
  t.after(() => gateway.close())
  return { gateway, transport: open(t, { url: gateway.url, format: 'cbor', ...options }) }
}

const strangers: Readonly<Record<string, (response: ServerResponse) => void>> = {
  "a proxy's 404": (response) => response.writeHead(404).end('not here'),
  "a proxy's 502": (response) => response.writeHead(502).end(),
  'an empty 400': (response) => response.writeHead(400).end(),
  'an empty 200': (response) => response.writeHead(200).end(),
  'a 403 of a firewall': (response) => response.writeHead(403).end('blocked'),
  'CBOR that is no Ack': (response) =>
    response.writeHead(200, { 'content-type': 'application/cbor' }).end(Buffer.of(0xa0)),
  'an Ack that says it is a page': (response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end(okAck),
  'an answer that is too long': (response) =>
    response.writeHead(200, { 'content-type': 'application/cbor' }).end(Buffer.alloc(66_000)),
  'half an Ack': (response) => {
    response.writeHead(200, { 'content-type': 'application/cbor', 'content-length': 500 })
    response.write(okAck, () => response.destroy())
  }
}

const okAck = encodeAckCbor(ackOf(frame.header, {}))

for (const [name, answer] of Object.entries(strangers)) {
  test(`${name} is no verdict, and the next batch goes through`, async (t) => {
    const { gateway, transport } = await setup(t)
    gateway.handlers.push((_request, response) => answer(response))
    await assert.rejects(transport.send(frame, never), {
      code: /^(transport|no_ack)$/
    })
    const ack = await transport.send(frame, never)
    assert.equal(ack.code, 'ok')
  })
}

test('a redirect is not followed', async (t) => {
  const { gateway, transport } = await setup(t)
  const elsewhere = await FakeHttpGateway.open()
  t.after(() => elsewhere.close())
  gateway.handlers.push((_request, response) => {
    response.writeHead(307, { location: `${elsewhere.url.origin}/v1/batches` }).end()
  })
  await assert.rejects(transport.send(frame, never), failsWith('no_ack'))
  assert.equal(elsewhere.connections, 0)
})

test('the Ack counts whatever the status', async (t) => {
  const { gateway, transport } = await setup(t)
  gateway.handlers.push((_request, response) => {
    const ack = encodeAckCbor(ackOf(frame.header, { code: 'throttled', retryAfterMs: 5 }))
    response.writeHead(429, { 'content-type': 'application/cbor' }).end(ack)
  })
  const ack = await transport.send(frame, never)
  assert.equal(ack.code, 'throttled')
})

const retryAfters: readonly (readonly [Record<string, string>, number | undefined])[] = [
  [{ 'retry-after': '7' }, 7000],
  [
    { 'retry-after': 'Wed, 21 Oct 2099 07:28:30 GMT', date: 'Wed, 21 Oct 2099 07:28:00 GMT' },
    30_000
  ],
  [{ 'retry-after': 'Wed, 21 Oct 1998 07:28:00 GMT' }, 0],
  [{ 'retry-after': 'soon' }, undefined],
  [{}, undefined]
]
for (const [headers, expected] of retryAfters) {
  test(`Retry-After ${headers['retry-after']} is ${expected} ms`, async (t) => {
    const { gateway, transport } = await setup(t)
    gateway.handlers.push((_request, response) => response.writeHead(503, headers).end('busy'))
    const failure = await transport.send(frame, never).catch((error: unknown) => error)
    assert.ok(failure instanceof HeadwaterError)
    assert.equal(failure.retryAfterMs, expected)
  })
}

async function requestOf(
  t: TestContext,
  options: Partial<TransportOptions>
): Promise<{ url: string | undefined; headers: IncomingHttpHeaders }> {
  const { gateway, transport } = await setup(t)
  const seen: IncomingMessage[] = []
  gateway.handlers.push((request, response) => {
    seen.push(request)
    response.writeHead(500).end()
  })
  const url = new URL(`${gateway.url.origin}${options.url?.pathname ?? ''}`)
  const sender = open(t, { format: 'cbor', ...options, url })
  await assert.rejects(sender.send(frame, never))
  await transport.close()
  return { url: seen[0]?.url, headers: seen[0]?.headers ?? {} }
}

test('CBOR goes to /v1/batches, and its gzip is in the batch', async (t) => {
  const { url, headers } = await requestOf(t, { gzip: true })
  assert.equal(url, '/v1/batches')
  assert.equal(headers['content-type'], 'application/cbor')
  assert.equal(headers.accept, 'application/cbor')
  assert.equal(headers.authorization, 'Bearer secret-1')
  assert.equal(headers['content-encoding'], undefined)
})

test('JSON goes to the stream, gzip as Content-Encoding, below the path of the address', async (t) => {
  const base = new URL('http://gateway/ingest/')
  const { url, headers } = await requestOf(t, { format: 'json', gzip: true, url: base })
  assert.equal(url, '/ingest/v1/streams/telemetry/records')
  assert.equal(headers['content-type'], 'application/json')
  assert.equal(headers['content-encoding'], 'gzip')
})

test('a token that cannot be read is unauthorized, and the error says why', async (t) => {
  const token = async () => {
    throw new HeadwaterError('config', 'cannot read the secret in /etc/token')
  }
  const { transport } = await setup(t, { token })
  const failure = { code: 'unauthorized', message: /in \/etc\/token/ }
  await assert.rejects(transport.send(frame, never), failure)
})

test('the token is read once for many requests', async (t) => {
  let reads = 0
  const token = async () => `t${++reads}`
  const { gateway, transport } = await setup(t, { token })
  await Promise.all([1, 2, 3].map((first) => transport.send(frameOf(['a'], { first }), never)))
  await transport.send(frame, never)
  assert.equal(reads, 1)
  assert.equal(gateway.connections, 1)
})

test('an answer that dribbles is given up after timeoutMs', async (t) => {
  const { gateway, transport } = await setup(t, { timeoutMs: 1100 })
  gateway.handlers.push((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/cbor', 'content-length': 500 })
    response.write('x')
  })
  await assert.rejects(transport.send(frame, never), failsWith('transport'))
})

test('TLS is verified against the given authority, or not at all when that is asked for', async (t) => {
  const files = makeCertificate(await tempDir(t))
  if (!files) return t.diagnostic('no openssl to make a certificate with')
  const pem = { cert: readFileSync(files.cert, 'utf8'), key: readFileSync(files.key, 'utf8') }
  const gateway = await FakeHttpGateway.open(pem)
  t.after(() => gateway.close())
  const { url } = gateway
  const stranger = open(t, { url, format: 'cbor' })
  await assert.rejects(stranger.send(frame, never), failsWith('transport'))
  assert.equal(gateway.received.length, 0)
  for (const tls of [{ ca: pem.cert }, { insecure: true }]) {
    const transport = open(t, { url, format: 'cbor', tls })
    await Promise.all([1, 2, 3].map((first) => transport.send(frameOf(['a'], { first }), never)))
  }
  assert.deepEqual(
    gateway.received.map(({ header }) => header.first),
    [1, 2, 3, 1, 2, 3]
  )
})
