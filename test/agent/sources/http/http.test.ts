import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { HttpSource, http } from '../../../../agent/sources/http/http.ts'
import { sourceContract } from '../../../contract/source.ts'
import { SourceBench } from '../../../support/source-bench.ts'

const written = { http: '127.0.0.1:0' }

type HttpBench = ReturnType<typeof benchOf>

function benchOf(t: TestContext, once = false) {
  return new SourceBench(t, http, { once })
}

async function setup(t: TestContext, options: object = {}) {
  const bench = benchOf(t)
  bench.start({ ...written, ...options })
  const port = await portOf(bench)
  const url = `http://127.0.0.1:${port}`
  const post = (body: string | Buffer, headers: Record<string, string> = {}, path = '/') =>
    answer(fetch(url + path, { method: 'POST', body, headers }))
  return { bench, port, url, post }
}

/** Where the source that was started last listens. */
async function portOf(bench: HttpBench): Promise<number> {
  const { source } = bench
  assert.ok(source instanceof HttpSource)
  await bench.until(() => source.address !== undefined, 0)
  return source.address?.port ?? 0
}

async function answer(request: Promise<Response>) {
  const response = await request
  const body = (await response.json()) as Readonly<Record<string, unknown>>
  return { status: response.status, body, retryAfter: response.headers.get('retry-after') }
}

const json = { 'content-type': 'application/json' }

sourceContract('http', async (t) => {
  const bench = benchOf(t)
  let number = 0
  return {
    bench,
    options: written,
    rewindable: false,
    produce: async (count) => {
      const url = `http://127.0.0.1:${await portOf(bench)}`
      for (let i = 0; i < count; i++) {
        const body = `line ${number++}`
        // Answered when it is durable, or cut when the source is stopped: the contract looks at neither.
        fetch(url, { method: 'POST', body })
          .then((one) => one.text())
          .catch(() => undefined)
      }
    }
  }
})

test('200 comes only when the records are durable', async (t) => {
  const { bench, post } = await setup(t)
  bench.appender.automatic = false
  let answered = false
  const response = post('hello').finally(() => {
    answered = true
  })
  await bench.until(() => bench.appender.waiting === 1, 0)
  await bench.pass(1000)
  assert.equal(answered, false)
  assert.equal(bench.appender.chunks[0]?.urgent, true)
  bench.appender.commit()
  assert.deepEqual(await response, { status: 200, body: { accepted: 1 }, retryAfter: null })
  assert.deepEqual(bench.appender.texts, ['hello'])
})

test('the JSON shape, NDJSON and any other type are understood, packed or not', async (t) => {
  const { bench, post } = await setup(t)
  const shape = {
    records: [{ text: 'a', partitionKey: 'p', time: 5 }, { data: 'Yg==' }, { json: { c: 1 } }]
  }
  assert.deepEqual((await post(JSON.stringify(shape), json)).body, { accepted: 3 })
  const lines = '{"text":"d"}\n\n{"text":"e"}\n'
  const ndjson = { 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip' }
  assert.deepEqual((await post(gzipSync(lines), ndjson, '/records')).body, { accepted: 2 })
  assert.deepEqual((await post('f', {}, '/?key=vehicle-1')).body, { accepted: 1 })
  assert.deepEqual((await post('{"records":[]}', json)).body, { accepted: 0 })
  assert.deepEqual(bench.appender.texts, ['a', 'b', '{"c":1}', 'd', 'e', 'f'])
  const origins = bench.appender.chunks.map(({ times }) => times)
  assert.deepEqual(origins, ['own', 'clock', 'clock'])
  const [first, second] = bench.appender.records
  assert.deepEqual([first?.partitionKey, first?.time], ['p', 5])
  assert.deepEqual([second?.partitionKey, second?.time], ['device-1', bench.clock.wallMs()])
  assert.equal(bench.appender.records.at(-1)?.partitionKey, 'vehicle-1')
})

test('what is wrong is answered with a code and a message that names it, and stores nothing', async (t) => {
  const { bench, post, url } = await setup(t)
  const cases: [ReturnType<typeof answer>, number, string, RegExp][] = [
    [post('{"records":[{"data":"***"}]}', json), 400, 'invalid', /records\[0\].*data/],
    [post('{"records":', json), 400, 'invalid', /JSON/],
    [post(Buffer.from([0xff]), json), 400, 'invalid', /UTF-8/],
    [post('{"text":"a"}\n{', { 'content-type': 'application/x-ndjson' }), 400, 'invalid', /line 2/],
    [post('{"records":[{"text":"a","partitionKey":""}]}', json), 400, 'invalid', /partitionKey/],
    [post('x', {}, '/?key='), 400, 'invalid', /key/],
    [post('x', { 'content-encoding': 'br' }), 400, 'invalid', /Content-Encoding/],
    [post('x', { 'content-encoding': 'gzip' }), 400, 'invalid', /gzip/],
    [
      post(gzipSync(Buffer.alloc(17 << 20)), { 'content-encoding': 'gzip' }),
      413,
      'too_large',
      /16777216/
    ],
    [post(Buffer.alloc(17 << 20)), 413, 'too_large', /16777216/],
    [post(Buffer.alloc(11 << 20)), 413, 'too_large', /10485760/],
    [post('x', {}, '/other'), 404, 'not_found', /POST \/records/],
    [answer(fetch(url)), 404, 'not_found', /POST/]
  ]
  for (const [response, status, code, message] of cases) {
    const { status: got, body } = await response
    assert.deepEqual([got, body['code']], [status, code], String(body['message']))
    assert.match(String(body['message']), message)
  }
  assert.deepEqual(bench.appender.texts, [])
})

test('a buffer that does not take the records in 20 s is answered with 503 and stores nothing', async (t) => {
  const { bench, post } = await setup(t)
  bench.appender.automatic = false
  const response = post('a')
  await bench.until(() => bench.appender.waiting === 1, 0)
  await bench.clock.advance(20_000)
  const { status, body, retryAfter } = await response
  assert.deepEqual([status, body['code'], retryAfter], [503, 'store_full', '1'])
  assert.equal(bench.appender.waiting, 0)
})

test('a stop answers those who wait with 503', async (t) => {
  const { bench, post } = await setup(t)
  bench.appender.automatic = false
  const response = post('a')
  await bench.until(() => bench.appender.waiting === 1, 0)
  await bench.stop(false)
  assert.equal((await response).status, 503)
})

test('a stop does not wait for a body that does not end', async (t) => {
  const { bench, port } = await setup(t)
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.on('error', () => undefined)
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\npart')
  await new Promise((resolve) => socket.once('connect', resolve))
  await bench.pass(200)
  await bench.stop()
  assert.equal(await bench.done(), undefined)
})

test('bodies beyond 64 MiB at once are answered with 503', async (t) => {
  const { bench, port, post } = await setup(t)
  for (let i = 0; i < 4; i++) {
    const socket = connect(port, '127.0.0.1')
    t.after(() => socket.destroy())
    socket.on('error', () => undefined)
    socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${16 << 20}\r\n\r\n`)
    await new Promise((resolve) => socket.once('connect', resolve))
  }
  await bench.pass(300)
  const { status, body } = await post('x')
  assert.deepEqual([status, body['code']], [503, 'unavailable'])
})

test('with a token only those who have it may write', async (t) => {
  const { bench, post } = await setup(t, { token: 'right' })
  assert.equal((await post('a')).status, 401)
  assert.equal((await post('a', { authorization: 'Bearer wrong' })).status, 401)
  assert.equal((await post('a', { authorization: 'Bearer right' })).status, 200)
  assert.deepEqual(bench.appender.texts, ['a'])
})

test('an address that others can reach needs a token and insecure', (t) => {
  const bench = benchOf(t)
  const named = { code: 'config', message: /0\.0\.0\.0:8686.*insecure: true/ }
  assert.throws(() => bench.create({ http: '0.0.0.0:8686' }), named)
  assert.throws(() => bench.create({ http: '0.0.0.0:8686', insecure: true }), named)
  assert.throws(() => bench.create({ http: '0.0.0.0:8686', token: 'x' }), named)
  bench.create({ http: '0.0.0.0:8686', token: 'x', insecure: true })
})

test('a port that is taken is named with the option that moves it', async (t) => {
  const { port } = await setup(t)
  const second = benchOf(t)
  second.start({ http: `127.0.0.1:${port}` })
  const error = await second.done()
  assert.match(String(error), /in use.*source in: http/)
  assert.equal((error as { code?: string }).code, 'port_taken')
})

test('once: there is nothing to wait for, the run resolves', async (t) => {
  const bench = benchOf(t, true)
  bench.start(written)
  assert.equal(await bench.done(), undefined)
})
