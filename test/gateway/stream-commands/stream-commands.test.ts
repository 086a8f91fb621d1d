import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { HeadwaterError } from '../../../shared/errors.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { startFront, until } from '../fronts/http/fixture.ts'
import { run } from './run-command.ts'

/** The compiled program beside the compiled test. */
const main = fileURLToPath(new URL('../../../gateway/stream-main.js', import.meta.url))

async function setup(t: TestContext) {
  const front = await startFront(t)
  const gateway = ['--gateway', front.url]
  return { ...front, gateway }
}

/** Puts a record with this data into the first open shard. */
async function store(engine: Awaited<ReturnType<typeof startFront>>['engine'], text: string) {
  const { shards } = await engine.describe('telemetry')
  const shard = shards.find((one) => one.open)
  assert.ok(shard)
  const entry = { shard: shard.id, partitionKey: 'k', hashKey: shard.range.start, marks: [] }
  const signal = new AbortController().signal
  await engine.put('telemetry', [{ ...entry, data: Buffer.from(text) }], signal)
}

test('streams are made, listed, described, split, merged and deleted', async (t) => {
  const { gateway } = await setup(t)
  const ok = async (...args: string[]) => {
    const { code, printed, complained } = await run(t, [...args, ...gateway])
    assert.equal(code, 0, complained)
    return printed
  }
  assert.equal(await ok('create', 'gps', '--shards', '1'), 'gps made with 1 shards\n')
  assert.equal(await ok('list'), 'gps\ntelemetry\n')
  assert.equal(await ok('list', '--json'), '["gps","telemetry"]\n')
  assert.equal(
    await ok('split', 'gps', '--shard', 'shardId-000000000000', '--at', '1000'),
    'made shardId-000000000001 and shardId-000000000002\n'
  )
  assert.match(
    await ok('describe', 'gps'),
    /^SHARD +STATE .*\nshardId-000000000000 +closed .*\nshardId-000000000001 +open +0 +999 +shardId-000000000000\n/
  )
  const { shards } = JSON.parse(await ok('describe', 'gps', '--json')) as { shards: unknown[] }
  assert.equal(shards.length, 3)
  const merge = ['--shard', 'shardId-000000000001', '--with', 'shardId-000000000002']
  assert.equal(await ok('merge', 'gps', ...merge), 'made shardId-000000000003\n')
  assert.equal(await ok('delete', 'gps'), 'gps deleted\n')
  assert.equal(await ok('list'), 'telemetry\n')
})

test('put writes one record with --data, else each line of standard input', async (t) => {
  const { gateway, disk } = await setup(t)
  const one = await run(t, ['put', 'telemetry', '--data', 'a b', '--key', 'k', ...gateway])
  assert.deepEqual([one.code, one.complained], [0, '1 records written\n'])
  const stdin = Readable.from([Buffer.from('1\r\n2'), Buffer.from('2\n\n'), Buffer.from('{"t":3}')])
  const lines = await run(t, ['put', 'telemetry', ...gateway], { stdin })
  assert.deepEqual([lines.code, lines.complained], [0, '4 records written\n'])
  assert.deepEqual(
    disk.records.map((record) => [record.key, record.data]),
    [
      ['k', 'a b'],
      ['anonymous', '1'],
      ['anonymous', '22'],
      ['anonymous', ''],
      ['anonymous', '{"t":3}']
    ]
  )
})

test('put keeps bytes that are no text as they are', async (t) => {
  const { gateway, sharding } = await setup(t)
  const bytes = Buffer.from([0, 255, 254])
  await run(t, ['put', 'telemetry', ...gateway], { stdin: Readable.from([bytes]) })
  assert.ok(sharding.taken[0]?.records.data.equals(bytes))
})

test('put sends again what was throttled, and nothing twice', async (t) => {
  const { gateway, sharding, gate, disk } = await setup(t)
  sharding.refusal = new HeadwaterError('throttled', 'full', { retryAfterMs: 1 })
  const putting = run(t, ['put', 'telemetry', '--data', 'a', ...gateway])
  await until(() => gate.stats().answers['throttled'] === 1)
  sharding.refusal = undefined
  assert.equal((await putting).code, 0)
  assert.equal(disk.records.length, 1)
})

test('put says which records were refused and fails', async (t) => {
  const { gateway, disk } = await setup(t)
  const stdin = Readable.from([Buffer.from(`good\n${'x'.repeat(5000)}\n`)])
  const { code, complained } = await run(t, ['put', 'telemetry', ...gateway], { stdin })
  assert.equal(code, 1)
  assert.match(complained, /1 records refused: record of 5\d+ bytes.*\(1 were written\)/)
  assert.deepEqual(
    disk.records.map((one) => one.data),
    ['good']
  )
})

test('read prints records as NDJSON or as they are, from a place, to a limit', async (t) => {
  const { gateway, engine } = await setup(t)
  for (const text of ['{"t":1}', 'two', 'three']) await store(engine, text)
  const ndjson = await run(t, ['read', 'telemetry', '--decode', ...gateway])
  const lines = ndjson.printed
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(
    lines.map(({ json, text }) => json ?? text),
    [{ t: 1 }, 'two', 'three']
  )
  const raw = await run(t, ['read', 'telemetry', '--format', 'raw', '--limit', '2', ...gateway])
  assert.deepEqual([raw.code, raw.printed], [0, '{"t":1}\ntwo\n'])
  const from = ['--from', lines[2].sequence, '--shard', lines[2].shard, '--format', 'raw']
  assert.equal((await run(t, ['read', 'telemetry', ...from, ...gateway])).printed, 'three\n')
})

test('following prints what comes, without empty lines, and an interrupt ends it with 0', async (t) => {
  const { gateway, engine } = await setup(t)
  const interrupt = new AbortController()
  const stdout = new PassThrough()
  let printed = ''
  stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString()
  })
  const following = run(t, ['read', 'telemetry', '--follow', '--format', 'raw', ...gateway], {
    signal: interrupt.signal,
    stdout
  })
  await store(engine, 'a')
  await until(() => printed === 'a\n')
  await store(engine, 'b')
  await until(() => printed === 'a\nb\n')
  interrupt.abort()
  assert.equal((await following).code, 0)
})

test('a connection that breaks while following is an error that says how to go on', async (t) => {
  const { gateway, engine } = await setup(t)
  await store(engine, 'a')
  const stdout = new PassThrough()
  const first = once(stdout, 'data')
  const following = run(t, ['read', 'telemetry', '--follow', ...gateway], { stdout })
  await first
  engine.read = () => Promise.reject(new HeadwaterError('unavailable', 'disk gone'))
  await store(engine, 'b')
  const { code, complained } = await following
  assert.equal(code, 1)
  assert.match(complained, /connection broke after 1 records.*--from/)
})

test('wrong use is 2, refusals and failures are 1, each with a message that says what to do', async (t) => {
  const { gateway } = await setup(t)
  const token = join(await tempDir(t), 'none')
  for (const [args, code, message] of [
    [['frobnicate'], 2, /unknown command/],
    [['create', 'a', '--shards', 'many', ...gateway], 2, /whole number/],
    [['read', 'telemetry', '--format', 'xml', ...gateway], 2, /raw/],
    [['list', '--gateway', 'localhost'], 2, /--gateway/],
    [['list', '--token-file', token, ...gateway], 2, /--token-file/],
    [['describe', 'nope', ...gateway], 1, /nope/],
    [['read', 'nope', ...gateway], 1, /nope/],
    [['put', 'nope', '--data', 'a', ...gateway], 1, /nope/],
    [['create', 'telemetry', ...gateway], 1, /exists/],
    [['list', '--gateway', 'http://127.0.0.1:1'], 1, /no answer from http:\/\/127\.0\.0\.1:1/]
  ] as const) {
    const { code: got, complained } = await run(t, args)
    assert.equal(got, code, `${args.join(' ')}: ${complained}`)
    assert.match(complained, message)
  }
  assert.equal((await run(t, ['--help'])).code, 0)
})

test('a page that is not a gateway’s is named as such', async (t) => {
  const portal = createServer((_request, response) => response.end('<html>log in</html>'))
  portal.listen(0, '127.0.0.1')
  await once(portal, 'listening')
  t.after(() => portal.close())
  const address = portal.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const { code, complained } = await run(t, ['list', '--gateway', `http://127.0.0.1:${port}`])
  assert.equal(code, 1)
  assert.match(complained, /is this a Headwater gateway/)
  portal.closeAllConnections()
})

test('the token file authenticates', async (t) => {
  const front = await startFront(t, { mode: 'devices' })
  const token = await front.store.add('pi-1')
  const file = join(await tempDir(t), 'token')
  await writeFile(file, `${token}\n`)
  const put = () =>
    run(t, ['put', 'telemetry', '--data', 'a', '--token-file', file, '--gateway', front.url])
  while ((await put()).code !== 0) await new Promise((resolve) => setTimeout(resolve, 50))
  assert.match(front.disk.records[0]?.source ?? '', /^pi-1\//)
})

test('an interrupt ends the program that follows with exit code 0', async (t) => {
  const { engine, url } = await setup(t)
  await store(engine, 'a')
  const args = [main, 'read', 'telemetry', '--follow', '--gateway', url]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  child.kill('SIGINT')
  assert.deepEqual(await once(child, 'exit'), [0, null])
})

test('the program exits quietly when its reader has had enough, and with 2 on wrong use', async (t) => {
  const { engine, url } = await setup(t)
  for (let i = 0; i < 40; i++) await store(engine, 'x'.repeat(200_000))
  const child = spawn(process.execPath, [main, 'read', 'telemetry', '--gateway', url], {
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let complained = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complained += chunk.toString()
  })
  await once(child.stdout, 'data')
  child.stdout.destroy()
  assert.deepEqual([await once(child, 'exit'), complained], [[0, null], ''])
  const wrong = spawn(process.execPath, [main, 'nonsense'], { stdio: 'ignore' })
  assert.deepEqual(await once(wrong, 'exit'), [2, null])
})
