import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { encodeCbor } from '../../shared/wire/cbor.ts'
import { frameCrc } from '../../shared/wire/batch.ts'
import { encodeFrame } from '../../shared/wire/frame.ts'
import { columns } from '../gateway/admission/columns.ts'
import { cborBatch, startFront, talk } from '../gateway/fronts/http/fixture.ts'

type Front = Awaited<ReturnType<typeof startFront>>

const types = { cbor: 'application/cbor', json: 'application/json', ndjson: 'application/x-ndjson' }

interface Sent {
  readonly to: 'batches' | 'records'
  readonly type: string
  readonly body: Buffer
  readonly gzip?: boolean
}

/** Sends it; whatever it is, the answer comes, is no defect of ours, and says what is wrong. */
async function send(front: Front, { to, type, body, gzip }: Sent): Promise<string> {
  const response = await fetch(to === 'batches' ? `${front.url}/v1/batches` : front.records, {
    method: 'POST',
    body,
    headers: {
      'content-type': type,
      accept: types.json,
      ...(gzip ? { 'content-encoding': 'gzip' } : {})
    },
    signal: AbortSignal.timeout(10_000)
  })
  const text = await response.text()
  const answer = JSON.parse(text) as { code?: string; message?: string; rejected?: unknown[] }
  assert.ok(response.status < 500, text)
  assert.equal(typeof answer.code, 'string', text)
  if (response.status !== 200 && !answer.rejected?.length) assert.ok(answer.message, text)
  return `${response.status} ${text}`
}

async function alive(front: Front): Promise<void> {
  assert.equal((await fetch(`${front.url}/healthz`)).status, 200)
  assert.equal(front.front.stats().bodyBytes, 0)
}

const bytes = fc.uint8Array({ maxLength: 400 }).map((one) => Buffer.from(one))

/** What a field may wrongly hold. */
const wrong = fc.oneof(
  fc.constantFrom(
    null,
    true,
    -1,
    1.5,
    Number.NaN,
    2 ** 60,
    '',
    'x',
    [],
    [[]],
    {},
    'x'.repeat(5000)
  ),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.uint8Array({ maxLength: 20 }).map((one) => Buffer.from(one)),
  fc.array(fc.integer(), { maxLength: 5 }),
  fc.dictionary(fc.string(), fc.integer(), { maxKeys: 3 })
)

function batchMap(): Record<string, unknown> {
  const body = encodeFrame(columns(['a', 'b']))
  return {
    v: 1,
    device: 'fuzz',
    epoch: Buffer.alloc(16, 1),
    stream: 'telemetry',
    first: 1,
    count: 2,
    prev: 0,
    floor: 0,
    lane: 0,
    clock: 0,
    offset: 0,
    enc: 'id',
    body,
    crc: frameCrc(body)
  }
}

test('random bytes in place of a batch are refused and nothing hangs', async (t) => {
  const front = await startFront(t)
  await fc.assert(
    fc.asyncProperty(bytes, fc.boolean(), async (body, gzip) => {
      assert.match(await send(front, { to: 'batches', type: types.cbor, body, gzip }), /^400 /)
    }),
    { numRuns: 100 }
  )
  await alive(front)
  assert.equal(front.sharding.taken.length, 0)
})

test('a batch that is cut or has a byte changed is refused, or is the batch it was', async (t) => {
  const front = await startFront(t)
  const good = cborBatch(1, ['a', 'b'])
  await fc.assert(
    fc.asyncProperty(
      fc.nat(good.length - 1),
      fc.integer({ min: 1, max: 255 }),
      fc.boolean(),
      async (at, flip, cut) => {
        const body = Buffer.from(cut ? good.subarray(0, at) : good)
        if (!cut) body[at] = (body[at] ?? 0) ^ flip
        await send(front, { to: 'batches', type: types.cbor, body })
      }
    ),
    { numRuns: 150 }
  )
  await alive(front)
  const data = new Set(front.disk.records.map((one) => one.data))
  for (const one of data) assert.ok(['a', 'b'].includes(one), one)
})

test('a field of a batch with a wrong value is named', async (t) => {
  const front = await startFront(t)
  const fields = Object.keys(batchMap())
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...fields), wrong, async (field, value) => {
      const body = encodeCbor({ ...batchMap(), [field]: value })
      const answer = await send(front, { to: 'batches', type: types.cbor, body })
      // Some values are right for some fields, and a wrong body fails by its checksum.
      if (answer.startsWith('400')) {
        assert.match(answer, new RegExp(`${field}|crc|frame|prev|floor|no records`))
      }
    }),
    { numRuns: 300 }
  )
  await alive(front)
})

test('a column of a frame with a wrong value is refused or rejected, by name', async (t) => {
  const front = await startFront(t)
  const frame = { keys: ['k'], times: [1, 1], lens: [1, 1], data: Buffer.from('ab') }
  const column = fc.constantFrom('keys', 'key', 'times', 'lens', 'data', 'attrs')
  await fc.assert(
    fc.asyncProperty(column, wrong, async (name, value) => {
      const packed = encodeCbor({ ...frame, [name]: value })
      const map = { ...batchMap(), body: packed, crc: frameCrc(packed) }
      const body = encodeCbor(map)
      const answer = await send(front, { to: 'batches', type: types.cbor, body })
      if (answer.startsWith('400')) assert.match(answer, /"epoch":"0101/)
    }),
    { numRuns: 200 }
  )
  await alive(front)
})

test('random JSON and NDJSON are refused or taken, and nothing hangs', async (t) => {
  const front = await startFront(t)
  const field = fc.oneof(fc.jsonValue(), fc.constantFrom('telemetry', '0a'.repeat(16), 1, 'YQ=='))
  const record = fc.dictionary(
    fc.constantFrom('data', 'text', 'json', 'partitionKey', 'time', 'attributes', '__proto__'),
    field
  )
  const batch = fc.record(
    {
      records: fc.oneof(fc.array(record, { maxLength: 5 }), field),
      device: field,
      epoch: field,
      first: field,
      prev: field,
      floor: field,
      lane: field,
      clock: field,
      offset: field
    },
    { requiredKeys: [] }
  )
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(batch, record, fc.jsonValue()),
      fc.constantFrom(types.json, types.ndjson),
      async (value, type) => {
        await send(front, { to: 'records', type, body: Buffer.from(JSON.stringify(value)) })
      }
    ),
    { numRuns: 300 }
  )
  await alive(front)
  assert.equal(Reflect.ownKeys(Object.prototype).includes('data'), false)
})

test('broken text of JSON and NDJSON is refused', async (t) => {
  const front = await startFront(t)
  const good = Buffer.from('{"records":[{"text":"ä","partitionKey":"k"}]}')
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        bytes,
        fc.nat(good.length - 1).map((end) => good.subarray(0, end)),
        fc.constant(Buffer.from('['.repeat(100_000))),
        fc.constant(Buffer.from(`{"records":${'['.repeat(50_000)}${']'.repeat(50_000)}}`))
      ),
      fc.constantFrom(types.json, types.ndjson),
      async (body, type) => {
        await send(front, { to: 'records', type, body })
      }
    ),
    { numRuns: 150 }
  )
  await alive(front)
})

test('base64 that is cut or mangled is refused, naming the record', async (t) => {
  const front = await startFront(t)
  const mangled = fc.oneof(
    fc
      .string({ minLength: 1 })
      .filter((text) => !/^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}(==|[A-Za-z0-9+/]=))?$/.test(text)),
    fc.constantFrom('YQ', 'YQ=', 'Y===', 'Y Q=', 'YQ==\n', 'Y_-=')
  )
  await fc.assert(
    fc.asyncProperty(mangled, async (data) => {
      const body = Buffer.from(JSON.stringify({ records: [{ text: 'a' }, { data }] }))
      const answer = await send(front, { to: 'records', type: types.json, body })
      assert.match(answer, /^400 .*records\[1\].*data/)
    }),
    { numRuns: 100 }
  )
  assert.equal(front.sharding.taken.length, 0)
})

test('gzip that is cut, changed, nested or a bomb is refused within its bounds', async (t) => {
  const front = await startFront(t)
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024))
  const good = gzipSync(Buffer.from('a record'.repeat(20)))
  for (let i = 0; i < 4; i++) {
    const sent = { to: 'records' as const, type: 'text/plain', body: bomb, gzip: true }
    assert.match(await send(front, sent), /^413 .*unpacks/)
  }
  await fc.assert(
    fc.asyncProperty(
      fc.nat(good.length - 1),
      fc.integer({ min: 1, max: 255 }),
      fc.boolean(),
      async (at, flip, cut) => {
        const body = Buffer.from(cut ? good.subarray(0, at) : good)
        if (!cut) body[at] = (body[at] ?? 0) ^ flip
        await send(front, { to: 'records', type: 'text/plain', body, gzip: true })
      }
    ),
    { numRuns: 100 }
  )
  await alive(front)
})

test('bytes that are no HTTP close their connection and nothing else', async (t) => {
  const front = await startFront(t, {
    limits: { headersTimeoutMs: 200, bodyTimeoutMs: 200, keepAliveMs: 100 }
  })
  const start = fc.constantFrom(
    '',
    'GET / HTTP/1.1\r\n',
    'POST /v1/batches HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n',
    'POST /v1/batches HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
    'POST /v1/batches HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n'
  )
  await fc.assert(
    fc.asyncProperty(start, bytes, async (head, junk) => {
      await talk(front.port, Buffer.concat([Buffer.from(head), junk]), true)
    }),
    { numRuns: 60 }
  )
  await alive(front)
})
