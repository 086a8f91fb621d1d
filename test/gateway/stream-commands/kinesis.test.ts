import assert from 'node:assert/strict'
import { PassThrough, Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { decodeAggregate } from '../../../shared/kpl/deaggregate.ts'
import { shardId } from '../../support/engine-calls.ts'
import { type KinesisRig, kinesisRig } from '../engines/kinesis/setup.ts'
import { until } from '../fronts/http/fixture.ts'
import { run } from './run-command.ts'

type Options = Parameters<typeof run>[2]

async function setup(t: TestContext, rigOptions: Parameters<typeof kinesisRig>[1] = {}) {
  const rig = await kinesisRig(t, rigOptions)
  const command = (args: readonly string[], options?: Options) =>
    run(t, [...args, '--endpoint', rig.kinesis.url], options)
  const ok = async (args: readonly string[], options?: Options) => {
    const { code, printed, complained } = await command(args, options)
    assert.equal(code, 0, complained)
    return printed
  }
  return { ...rig, command, ok }
}

/** All stream records of a stream, closed shards among them. */
async function storedIn(store: KinesisRig['store'], stream: string) {
  const { shards } = await store.describe(stream)
  return shards.flatMap(({ id }) => store.stored(stream, id))
}

test('streams of a Kinesis are made, listed, described, split, merged and deleted with no gateway', async (t) => {
  const { ok } = await setup(t)
  assert.equal(await ok(['create', 'gps', '--shards', '1']), 'gps made with 1 shards\n')
  assert.equal(await ok(['list']), 'gps\n')
  assert.equal(
    await ok(['split', 'gps', '--shard', shardId(0), '--at', '1000']),
    `made ${shardId(1)} and ${shardId(2)}\n`
  )
  assert.match(await ok(['describe', 'gps']), /\nshardId-000000000001 +open +0 +999 /)
  assert.equal(
    await ok(['merge', 'gps', '--shard', shardId(1), '--with', shardId(2)]),
    `made ${shardId(3)}\n`
  )
  assert.equal(await ok(['delete', 'gps']), 'gps deleted\n')
  assert.equal(await ok(['list']), '')
})

test('what put writes as aggregates read gives back once and in order, whatever fails on the way', async (t) => {
  const troubles = { throttled: 0.2, failed: 0.2, cutAfter: 0.2, splitEvery: 10 }
  const { store, ok } = await setup(t, { troubles })
  await store.create('s', { shards: 1 })
  const lines = Array.from({ length: 300 }, (_, i) => `line ${i}`)
  const chunks = Array.from({ length: 30 }, (_, i) =>
    Buffer.from(`${lines.slice(i * 10, i * 10 + 10).join('\n')}\n`)
  )
  const stdin = Readable.from(chunks)
  await ok(['put', 's', '--key', 'k'], { stdin })
  const stored = await storedIn(store, 's')
  assert.ok(stored.every(({ data }) => decodeAggregate(data)))
  assert.ok(stored.length > 30, 'some are stored twice')
  assert.equal(await ok(['read', 's', '--format', 'raw']), `${lines.join('\n')}\n`)
})

test('put --plain writes each line as a record of its own', async (t) => {
  const { store, ok } = await setup(t)
  await store.create('s', { shards: 1 })
  const stdin = Readable.from([Buffer.from('one\ntwo\n')])
  await ok(['put', 's', '--plain', '--key', 'k'], { stdin })
  assert.deepEqual(
    store.stored('s', shardId(0)).map(({ partitionKey, data }) => [partitionKey, String(data)]),
    [
      ['k', 'one'],
      ['k', 'two']
    ]
  )
})

test('following prints what comes, and an interrupt ends it with 0', async (t) => {
  const { store, ok } = await setup(t)
  await store.create('s', { shards: 1 })
  const interrupt = new AbortController()
  const stdout = new PassThrough()
  let printed = ''
  stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString()
  })
  const args = ['read', 's', '--follow', '--format', 'raw']
  const following = ok(args, { signal: interrupt.signal, stdout })
  await ok(['put', 's', '--data', 'a'])
  await until(() => printed === 'a\n')
  interrupt.abort()
  await following
})

test('what is wrong is said with the place and what to do', async (t) => {
  const { kinesis, store, command } = await setup(t)
  await store.create('s', { shards: 1 })
  const missing = await command(['describe', 'nope', '--region', 'eu-west-9'])
  assert.equal(missing.code, 1)
  assert.match(missing.complained, /no stream "nope" at http:.*, region eu-west-9; make it first/)
  const large = await command(['put', 's'], { stdin: Readable.from([Buffer.alloc(1_100_000, 97)]) })
  assert.equal(large.code, 1)
  assert.match(large.complained, /a record of 1100000 bytes; the stream takes up to \d+/)
  const wrongUrl = await run(t, ['list', '--endpoint', 'localhost:4567'])
  assert.deepEqual([wrongUrl.code, /--endpoint must be a URL/.test(wrongUrl.complained)], [2, true])
  kinesis.trouble = () => ({ status: 400, type: 'ValidationException', message: 'no such key' })
  const refused = await command(['put', 's', '--data', 'a'])
  assert.equal(refused.code, 1)
  assert.match(refused.complained, /no such key/)
})
