import assert from 'node:assert/strict'
import { PassThrough, Readable } from 'node:stream'
import { test } from 'node:test'
import { pino } from 'pino'
import { Authenticator } from '../../../../../../gateway/engines/embedded/wire/auth/authenticator.ts'
import { Dispatcher } from '../../../../../../gateway/engines/embedded/wire/protocol/dispatcher.ts'
import { RequestBodies } from '../../../../../../gateway/engines/embedded/wire/transport/request-body.ts'
import { BytePool } from '../../../../../../shared/byte-pool.ts'
import { systemRandom } from '../../../../../../shared/random.ts'
import { ManualClock } from '../../../../../support/manual-clock.ts'
import { HeadwaterError } from '../../../../../../shared/errors.ts'
import { cborFormat } from '../../../../../../gateway/engines/embedded/wire/protocol/cbor-format.ts'
import type {
  Operation,
  Operations
} from '../../../../../../gateway/engines/embedded/wire/operation.ts'
import { WireError } from '../../../../../../gateway/engines/embedded/wire/wire-error.ts'
import { runningServer } from '../running-server.ts'

const json = 'application/x-amz-json-1.1'
const cbor = 'application/x-amz-cbor-1.1'
const signed = {
  authorization:
    'AWS4-HMAC-SHA256 Credential=AKID/20260101/sa-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=00',
  'x-amz-date': '20260101T000000Z'
}

const operations: Operations = {
  Echo: {
    answer: async (input, { region }) => ({ region, length: sizeOf(input), data: blobOf(input) })
  },
  Nothing: { answer: async () => undefined },
  Refuse: {
    answer: async () => {
      throw new WireError('LimitExceededException', 'too many')
    }
  },
  Throttle: {
    answer: async () => {
      throw new HeadwaterError('throttled', 'slowly')
    }
  },
  Unavailable: {
    answer: async () => {
      throw new HeadwaterError('store_full', 'no room')
    }
  },
  Defect: {
    answer: async () => {
      throw new TypeError('secret of the house')
    }
  }
}

function sizeOf(input: unknown): number {
  return Object.keys(Object(input)).length
}

function blobOf(input: unknown): Buffer {
  const data = Object.entries(Object(input)).find(([name]) => name === 'data')?.[1]
  return Buffer.isBuffer(data) ? data : Buffer.from('none')
}

interface Asked {
  readonly type?: string
  readonly body?: string | Buffer
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly prefix?: string
}

function dispatcherOf(operations: Operations): Dispatcher {
  const clock = new ManualClock()
  const pool = new BytePool({ maxBytes: 1000, waitMs: 1, maxWaiting: 1, clock })
  return new Dispatcher({
    operations,
    authenticator: new Authenticator({ clock }),
    bodies: new RequestBodies({ maxBytes: 1000, timeoutMs: 1, pool, clock }),
    answers: pool,
    clock,
    random: systemRandom,
    log: pino({ level: 'silent' })
  })
}

async function ask(url: string, operation: string, asked: Asked = {}): Promise<Response> {
  const { type = json, body = '{}', method = 'POST', headers = {}, prefix } = asked
  const target = `${prefix ?? 'Kinesis_20131202'}.${operation}`
  return fetch(url, {
    method,
    headers: { 'content-type': type, 'x-amz-target': target, ...signed, ...headers },
    ...(method === 'POST' ? { body } : {})
  })
}

test('an answer has the format of its request, and names itself', async (t) => {
  const { url } = await runningServer(t, { operations })
  const inJson = await ask(url, 'Echo', { body: '{"a":1}' })
  assert.equal(inJson.status, 200)
  assert.equal(inJson.headers.get('content-type'), json)
  assert.match(
    inJson.headers.get('x-amzn-requestid') ?? '',
    /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
  )
  assert.ok(inJson.headers.get('x-amz-id-2'))
  assert.deepEqual(await inJson.json(), { region: 'sa-east-1', length: 1, data: 'bm9uZQ==' })

  const body = cborFormat.encode({ data: Buffer.of(1, 2) })
  const inCbor = await ask(url, 'Echo', { type: cbor, body })
  assert.equal(inCbor.headers.get('content-type'), cbor)
  const answer = cborFormat.decode(Buffer.from(await inCbor.arrayBuffer()))
  assert.deepEqual({ ...Object(answer) }, { region: 'sa-east-1', length: 1, data: Buffer.of(1, 2) })
})

test('a body in JSON goes the short way of its operation, and the ordinary one where that declines', async (t) => {
  const Put: Operation = {
    answer: async () => ({ way: 'ordinary' }),
    answerPlain: (body) => {
      if (body.includes('plain')) return Promise.resolve(Buffer.from('{"way":"short"}'))
      return body.includes('bad')
        ? Promise.reject(new WireError('LimitExceededException', 'no'))
        : undefined
    }
  }
  const { url } = await runningServer(t, { operations: { Put } })
  const short = await ask(url, 'Put', { body: '"plain"' })
  assert.equal(short.headers.get('content-type'), json)
  assert.deepEqual(await short.json(), { way: 'short' })
  assert.deepEqual(await (await ask(url, 'Put')).json(), { way: 'ordinary' })
  const bad = await ask(url, 'Put', { body: '"bad"' })
  assert.equal(Object(await bad.json()).__type, 'LimitExceededException')
  const inCbor = await ask(url, 'Put', { type: cbor, body: cborFormat.encode({ a: 'plain' }) })
  const answer = cborFormat.decode(Buffer.from(await inCbor.arrayBuffer()))
  assert.deepEqual({ ...Object(answer) }, { way: 'ordinary' })
})

test('answers have names that no two share', async (t) => {
  const { url } = await runningServer(t, { operations })
  const names = new Set<string | null>()
  for (let i = 0; i < 250; i++) {
    const { headers } = await ask(url, 'Nothing')
    names.add(headers.get('x-amzn-requestid')).add(headers.get('x-amz-id-2'))
  }
  assert.equal(names.size, 500)
})

test('a stream that its client has cancelled before it was looked at is not answered', async () => {
  const asked: string[] = []
  const Put: Operation = {
    answer: async (_input, { operation }) => {
      asked.push(operation)
      return {}
    }
  }
  const dispatcher = dispatcherOf({ Put })
  const headers = { ...signed, 'content-type': json, 'x-amz-target': 'Kinesis_20131202.Put' }
  for (const destroyed of [true, false]) {
    const length = { 'content-length': '2' }
    const fields = { method: 'POST', headers: { ...headers, ...length }, httpVersionMajor: 2 }
    const request = Object.assign(Readable.from([Buffer.from('{}')]), fields)
    const response = Object.assign(new PassThrough(), {
      statusCode: 200,
      headersSent: false,
      setHeader: () => {},
      stream: { destroyed, close: () => {} }
    })
    await dispatcher.handle(request, response, false)
    assert.equal(response.writableEnded, !destroyed)
  }
  assert.deepEqual(asked, ['Put'])
})

test('an operation without an answer is answered with an empty body', async (t) => {
  const { url } = await runningServer(t, { operations })
  const response = await ask(url, 'Nothing')
  assert.equal(response.status, 200)
  assert.equal(await response.text(), '')
})

for (const [operation, status, type, message] of [
  ['Refuse', 400, 'LimitExceededException', 'too many'],
  ['Throttle', 400, 'ProvisionedThroughputExceededException', 'slowly'],
  ['Unavailable', 500, 'InternalFailure', 'no room'],
  ['Defect', 500, 'InternalFailure', 'An internal failure; the log of the gateway has the cause.'],
  ['Absent', 400, 'UnknownOperationException', 'There is no operation Absent.'],
  ['toString', 400, 'UnknownOperationException', 'There is no operation toString.'],
  [
    'CreateChannel',
    400,
    'UnknownOperationException',
    'CreateChannel is not supported by the embedded engine.'
  ]
] as const) {
  test(`${operation} is answered with ${type} in the format of the request`, async (t) => {
    const { url } = await runningServer(t, { operations })
    const inJson = await ask(url, operation)
    assert.equal(inJson.status, status)
    assert.deepEqual(await inJson.json(), { __type: type, message })
    const inCbor = await ask(url, operation, { type: cbor, body: cborFormat.encode({}) })
    assert.equal(inCbor.status, status)
    const answer = cborFormat.decode(Buffer.from(await inCbor.arrayBuffer()))
    assert.deepEqual({ ...Object(answer) }, { __type: type, message })
  })
}

test('what is not a request of this service is refused', async (t) => {
  const { url } = await runningServer(t, { operations })
  for (const [asked, type] of [
    [{ prefix: 'DynamoDB_20120810' }, 'UnknownOperationException'],
    [{ type: 'text/plain' }, 'UnknownOperationException'],
    [{ method: 'GET' }, 'UnknownOperationException'],
    [{ body: '{' }, 'SerializationException'],
    [{ body: '' }, 'SerializationException'],
    [{ headers: { authorization: 'Bearer x' } }, 'IncompleteSignatureException']
  ] as const) {
    const response = await ask(url, 'Echo', asked)
    assert.equal(response.status, 400, type)
    assert.equal(Object(await response.json()).__type, type)
  }
})

test('without credentials only pages of this machine may read answers', async (t) => {
  const { url } = await runningServer(t, { operations })
  const preflight = { method: 'OPTIONS' }
  for (const [origin, allowed] of [
    ['http://localhost:3000', 'http://localhost:3000'],
    ['http://[::1]:3000', 'http://[::1]:3000'],
    ['https://evil.example', null],
    ['null', null]
  ] as const) {
    const response = await ask(url, 'Echo', { ...preflight, headers: { origin } })
    assert.equal(response.headers.get('access-control-allow-origin'), allowed, origin)
  }
})

test('with credentials every page may, for it has to sign', async (t) => {
  const credentials = [{ accessKeyId: 'AKID', secretAccessKey: 'x' }]
  const { url } = await runningServer(t, { operations, credentials })
  const headers = {
    origin: 'https://app.example',
    'access-control-request-headers': 'x-amz-target'
  }
  const response = await ask(url, 'Echo', { method: 'OPTIONS', headers })
  assert.equal(response.headers.get('access-control-allow-origin'), '*')
  assert.equal(response.headers.get('access-control-allow-headers'), 'x-amz-target')
})
