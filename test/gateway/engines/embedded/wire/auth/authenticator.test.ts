import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { SignatureV4 } from '@smithy/signature-v4'
import type { SourceData } from '@smithy/types'
import { Authenticator } from '../../../../../../gateway/engines/embedded/wire/auth/authenticator.ts'
import type { HttpRequest } from '../../../../../../gateway/engines/embedded/wire/transport/http-exchange.ts'
import { ManualClock } from '../../../../../support/manual-clock.ts'

// Signed here with the signer of the AWS SDK.

const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5)
const body = '{"StreamName":"s"}'
const minuteMs = 60_000

class Sha256 {
  readonly #hash: { update(data: Buffer): unknown; digest(): Buffer }

  constructor(secret?: SourceData) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret))
  }

  update(data: SourceData): void {
    this.#hash.update(bytesOf(data))
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }

  reset(): void {}
}

function bytesOf(data: SourceData): Buffer {
  if (typeof data === 'string') return Buffer.from(data)
  if (!ArrayBuffer.isView(data)) return Buffer.from(data)
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}

interface Signing {
  readonly signedMs?: number
  readonly secret?: string
  readonly accessKeyId?: string
  readonly service?: string
  readonly query?: boolean
  readonly expiresIn?: number
  readonly headers?: Record<string, string>
}

async function signedRequest(signing: Signing = {}): Promise<HttpRequest> {
  const { signedMs = nowMs, secret = 'secret', accessKeyId = 'AKID', service = 'kinesis' } = signing
  const signer = new SignatureV4({
    service,
    region: 'eu-west-3',
    credentials: { accessKeyId, secretAccessKey: secret },
    sha256: Sha256
  })
  const plain = {
    method: 'POST',
    protocol: 'http:',
    hostname: '127.0.0.1',
    path: '/',
    body,
    headers: {
      host: '127.0.0.1:4567',
      'x-amz-target': 'Kinesis_20131202.PutRecord',
      ...signing.headers
    }
  }
  const signingDate = new Date(signedMs)
  const signed = signing.query
    ? await signer.presign(plain, {
        signingDate,
        expiresIn: signing.expiresIn ?? 60,
        unhoistableHeaders: new Set(['x-amz-target'])
      })
    : await signer.sign(plain, { signingDate })
  const query = new URLSearchParams(
    Object.entries(signed.query ?? {}).map(([name, value]): [string, string] => [
      name,
      String(value)
    ])
  ).toString()
  return requestOf(signed.headers, query === '' ? '/' : `/?${query}`)
}

function requestOf(headers: Record<string, string>, url = '/'): HttpRequest {
  const parts = { method: 'POST', url, headers, httpVersionMajor: 1 }
  return Object.assign(Readable.from([]), parts)
}

function verifier(): Authenticator {
  const secrets = new Map([['AKID', 'secret']])
  return new Authenticator({ secrets, clock: new ManualClock(nowMs) })
}

function check(request: HttpRequest, { text = body, encrypted = false } = {}): string {
  const signed = verifier().begin(request, encrypted)
  signed.verify(Buffer.from(text))
  return signed.region
}

test('what the SDK signs in headers or in the query is taken', async () => {
  assert.equal(check(await signedRequest()), 'eu-west-3')
  assert.equal(check(await signedRequest({ query: true })), 'eu-west-3')
})

test('another body, target, secret or key id is refused', async () => {
  const request = await signedRequest()
  assert.throws(() => check(request, { text: '{}' }), { type: 'InvalidSignatureException' })
  const turned = { ...request.headers, 'x-amz-target': 'Kinesis_20131202.DeleteStream' }
  assert.throws(() => check(Object.assign(request, { headers: turned })), {
    type: 'InvalidSignatureException',
    message: /^The request signature we calculated does not match/
  })
  const other = await signedRequest({ secret: 'other' })
  assert.throws(() => check(other), { type: 'InvalidSignatureException' })
  const stranger = await signedRequest({ accessKeyId: 'NOBODY' })
  assert.throws(() => check(stranger), {
    type: 'UnrecognizedClientException',
    message: 'The security token included in the request is invalid.'
  })
})

test('a signature in headers is good for five minutes to both sides', async () => {
  for (const offMs of [-5 * minuteMs, 5 * minuteMs]) {
    assert.ok(check(await signedRequest({ signedMs: nowMs + offMs })))
  }
  const old = await signedRequest({ signedMs: nowMs - 5 * minuteMs - 1000 })
  assert.throws(() => check(old), {
    type: 'InvalidSignatureException',
    message:
      'Signature expired: 20260102T025904Z is now earlier than 20260102T025905Z (20260102T030405Z - 5 min.)'
  })
  const early = await signedRequest({ signedMs: nowMs + 5 * minuteMs + 1000 })
  assert.throws(() => check(early), {
    message:
      'Signature not yet current: 20260102T030906Z is still later than 20260102T030905Z (20260102T030405Z + 5 min.)'
  })
})

test('a signature in the query is good for as long as it says', async () => {
  const query = { query: true, expiresIn: 60 }
  assert.ok(check(await signedRequest({ ...query, signedMs: nowMs - 60_000 })))
  const old = await signedRequest({ ...query, signedMs: nowMs - 61_000 })
  assert.throws(() => check(old), { message: /^Signature expired/ })
})

test('a body that is not signed is taken over TLS only', async () => {
  const request = await signedRequest({ headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } })
  assert.throws(() => check(request), { type: 'InvalidSignatureException' })
  assert.ok(check(request, { text: 'anything', encrypted: true }))
})

test('a key of another service is refused', async () => {
  const request = await signedRequest({ service: 's3' })
  assert.throws(() => check(request), {
    type: 'InvalidSignatureException',
    message: "Credential should be scoped to correct service: 'kinesis'."
  })
})

test('host and target must be signed', async () => {
  const request = await signedRequest()
  const authorization = request.headers.authorization ?? ''
  for (const name of ['host', 'x-amz-target']) {
    const without = authorization.replace(`${name};`, '').replace(`;${name}`, '')
    const stripped = requestOf({ ...stringsOf(request.headers), authorization: without })
    assert.throws(() => check(stripped), { message: /must be a 'SignedHeader'/ }, name)
  }
})

test('what is missing of a signature is named', () => {
  assert.throws(() => check(requestOf({})), {
    type: 'MissingAuthenticationTokenException',
    message: 'Missing Authentication Token'
  })
  const authorization = 'AWS4-HMAC-SHA256 Credential=a/b/c/d/e, Signature=f'
  assert.throws(() => check(requestOf({ authorization, 'x-amz-date': '20260102T030405Z' })), {
    type: 'IncompleteSignatureException',
    message: `Authorization header requires 'SignedHeaders' parameter. Authorization=${authorization}`
  })
  assert.throws(() => check(requestOf({ authorization: `${authorization}, SignedHeaders=host` })), {
    message: /'X-Amz-Date' or a 'Date' header/
  })
  assert.throws(() => check(requestOf({}, '/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=1')), {
    type: 'IncompleteSignatureException',
    message: /must include 'X-Amz-Credential'/
  })
  assert.throws(() => check(requestOf({ authorization }, '/?X-Amz-Algorithm=AWS4-HMAC-SHA256')), {
    type: 'InvalidSignatureException',
    message: /Found both/
  })
})

test('without secrets any well-formed signature is taken, and none is not', async () => {
  const open = new Authenticator({ clock: new ManualClock(nowMs) })
  const signed = open.begin(await signedRequest({ secret: 'other', signedMs: 0 }), false)
  signed.verify(Buffer.from('anything'))
  assert.equal(signed.region, 'eu-west-3')
  assert.throws(() => open.begin(requestOf({}), false), {
    type: 'MissingAuthenticationTokenException'
  })
})

function stringsOf(headers: HttpRequest['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}
