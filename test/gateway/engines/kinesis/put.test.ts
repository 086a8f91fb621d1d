import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeadwaterError } from '../../../../shared/errors.ts'
import {
  entry,
  isCode,
  laneHash,
  putAll,
  readTexts,
  shardId
} from '../../../support/engine-calls.ts'
import { eventually } from '../../../support/programs.ts'
import { startedRig } from './setup.ts'

const never = new AbortController().signal

test('a throttled call throttles every entry, and is made once', async (t) => {
  const { kinesis, engine } = await startedRig(t)
  const type = 'ProvisionedThroughputExceededException'
  kinesis.trouble = (operation) =>
    operation === 'PutRecords' ? { status: 400, type, message: 'Rate exceeded' } : undefined
  const outcomes = await engine.put('s', [entry({ text: 'a' }), entry({ text: 'b' })], never)
  assert.deepEqual(
    outcomes.map((one) => one.status),
    ['throttled', 'throttled']
  )
  assert.equal(kinesis.count('PutRecords'), 1)
})

test('an entry that is throttled or failed alone leaves the others stored', async (t) => {
  const { store, engine } = await startedRig(t, { troubles: { throttled: 0.3, failed: 0.3 } })
  const entries = Array.from({ length: 60 }, (_, i) => entry({ text: `${i}` }))
  const outcomes = await engine.put('s', entries, never)
  const stored = entries.flatMap((one, i) =>
    outcomes[i]?.status === 'stored' ? [one.data.toString()] : []
  )
  assert.deepEqual(
    store.stored('s', shardId(0)).map((one) => one.data.toString()),
    stored
  )
  const kinds = new Set(outcomes.map((one) => one.status))
  assert.deepEqual([...kinds].toSorted(), ['failed', 'stored', 'throttled'])
  assert.ok(outcomes.every((one) => one.status !== 'failed' || one.retryable))
})

test('one entry that the service refuses fails alone', async (t) => {
  const { kinesis, engine } = await startedRig(t)
  kinesis.trouble = (_operation, input) =>
    JSON.stringify(input).includes('"PartitionKey":"bad"')
      ? { status: 400, type: 'ValidationException', message: 'bad key' }
      : undefined
  const keys = ['a', 'b', 'c', 'bad', 'd', 'e', 'f']
  const outcomes = await engine.put(
    's',
    keys.map((key) => entry({ text: key, partitionKey: key })),
    never
  )
  assert.deepEqual(
    outcomes.map((one) => one.status),
    keys.map((key) => (key === 'bad' ? 'failed' : 'stored'))
  )
  const bad = outcomes[3]
  assert.ok(bad?.status === 'failed' && !bad.retryable && bad.message.includes('bad key'))
  kinesis.trouble = () => undefined
  assert.deepEqual(await readTexts(engine, shardId(0)), ['a', 'b', 'c', 'd', 'e', 'f'])
})

test('of a put whose connection is cut nothing is known, and it is attempted once', async (t) => {
  const { kinesis, engine } = await startedRig(t)
  kinesis.trouble = (operation) => (operation === 'PutRecords' ? 'cut' : undefined)
  await assert.rejects(engine.put('s', [entry({ text: 'a' })], never), (thrown) => {
    assert.ok(thrown instanceof HeadwaterError && thrown.retryable)
    assert.equal(thrown.code, 'transport')
    assert.match(thrown.message, /nothing is known of the call; is http:.* reachable/)
    return true
  })
  assert.equal(kinesis.count('PutRecords'), 1)
})

const remedies = {
  AccessDeniedException: [
    'not authorized to perform',
    /the actions that docs\/guides\/[a-z-]+\.md lists in the IAM policy, and check the region$/
  ],
  ExpiredTokenException: [
    'The security token expired',
    /the credentials have expired; renew them$/
  ],
  UnrecognizedClientException: ['token is invalid', /check the credentials and the region$/],
  InvalidSignatureException: [
    'Signature expired: 20260101T000000Z is now earlier than 20260101T005500Z',
    /the clock of this machine is wrong; set it \(NTP\)$/
  ],
  KMSAccessDeniedException: ['denied', /check the key that encrypts the stream$/],
  InternalFailure: ['Internal Service Failure.', /InternalFailure: Internal Service Failure\.$/]
} as const

for (const [type, [message, remedy]] of Object.entries(remedies)) {
  test(`${type} is retryable, and names stream, region and remedy`, async (t) => {
    const { kinesis, engine } = await startedRig(t)
    await engine.describe('s')
    kinesis.trouble = () => ({ status: 400, type, message })
    await assert.rejects(engine.put('s', [entry({ text: 'a' })], never), (thrown) => {
      assert.ok(thrown instanceof HeadwaterError && thrown.retryable)
      assert.equal(thrown.code, 'unavailable')
      assert.match(thrown.message, /^PutRecords "s" at http:\S+, region eu-north-1: /)
      assert.match(thrown.message, remedy)
      return true
    })
  })
}

test('a clock that is off by an hour fails one call with a clear error, and the next is signed right', async (t) => {
  const { kinesis, engine } = await startedRig(t)
  await engine.describe('s')
  kinesis.aheadMs = 3_600_000
  await assert.rejects(
    engine.put('s', [entry({ text: 'a' })], never),
    /InvalidSignatureException: Signature expired.*; the clock of this machine is wrong; set it/
  )
  await putAll(engine, [entry({ text: 'a' })])
})

test('a put to a stream that was deleted rejects with unknown_stream and tells listeners', async (t) => {
  const { store, engine } = await startedRig(t)
  const heard: string[] = []
  engine.onReshard((stream) => heard.push(stream))
  await engine.describe('s')
  await store.delete('s')
  await assert.rejects(engine.put('s', [entry({ text: 'a' })], never), isCode('unknown_stream'))
  assert.deepEqual(heard, ['s'])
})

test('after a record landed in another shard than expected, the shard map is read anew', async (t) => {
  const { kinesis, store, engine } = await startedRig(t)
  assert.equal((await engine.describe('s')).shards.length, 1)
  await store.split('s', shardId(0))
  assert.equal((await engine.describe('s')).shards.length, 1, 'nobody has told the engine')
  await engine.put('s', [entry({ text: 'a', hash: laneHash(3) })], never)
  assert.equal((await engine.describe('s')).shards.length, 3)
  const lists = kinesis.count('ListShards')
  await engine.describe('s')
  assert.equal(kinesis.count('ListShards'), lists, 'what was read is good until the next doubt')
})

test('a shard map that is doubted while it is being read is read once more', async (t) => {
  const { store, engine } = await startedRig(t)
  await engine.describe('s')
  const put = store.put.bind(store)
  const describe = store.describe.bind(store)
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const isHeld = new Promise<void>((held) => {
    const hold: typeof put = async (...call) => {
      held()
      await released
      return put(...call)
    }
    t.mock.method(store, 'put', hold, { times: 1 })
  })
  const late = engine.put('s', [entry({ text: 'late', hash: laneHash(3) })], never)
  await isHeld
  await store.split('s', shardId(0))
  await engine.put('s', [entry({ text: 'a', hash: laneHash(3) })], never)
  let pages = 0
  t.mock.method(store, 'describe', async (stream: string) => {
    const description = await describe(stream)
    pages += 1
    if (pages !== 2) return description
    // The last page is on its way: what it says is out of date, and a put finds out.
    await store.split('s', shardId(2))
    release()
    await late
    return description
  })
  assert.equal((await engine.describe('s')).shards.length, 3)
  assert.equal((await engine.describe('s')).shards.length, 5)
})

test('a stream that the service spreads by itself is recognised, and its shards never doubted', async (t) => {
  const { kinesis, store, engine } = await startedRig(t)
  kinesis.summary = {
    StreamModeDetails: { StreamMode: 'ON_DEMAND' },
    RecordDistributionStrategy: 'AUTO',
    MaxRecordSizeInKiB: 2048
  }
  const { distribution, maxRecordBytes, payloadUnitBytes } = await engine.describe('s')
  assert.deepEqual(
    { distribution, maxRecordBytes, payloadUnitBytes },
    { distribution: 'auto', maxRecordBytes: 2 * 1024 * 1024, payloadUnitBytes: undefined }
  )
  await store.split('s', shardId(0))
  const lists = kinesis.count('ListShards')
  await putAll(engine, [entry({ text: 'a' })])
  await engine.describe('s')
  assert.equal(kinesis.count('ListShards'), lists)
})

test('a list with a gap, as in the midst of a reshard, is read again for the next caller', async (t) => {
  const { kinesis, engine } = await startedRig(t, { shards: 2 })
  kinesis.hiddenShard = shardId(1)
  assert.equal((await engine.describe('s')).shards.length, 1)
  kinesis.hiddenShard = undefined
  assert.equal((await engine.describe('s')).shards.length, 2)
})

test('shards that changed unseen are found by the timer, and listeners are told', async (t) => {
  const { store, engine } = await startedRig(t, { refreshMs: 20 })
  const heard: string[] = []
  engine.onReshard((stream) => heard.push(stream))
  const { version } = await engine.describe('s')
  await store.split('s', shardId(0))
  await eventually('the listener', async () => heard[0])
  assert.notEqual((await engine.describe('s')).version, version)
})

test('a record limit that was changed elsewhere is heard of', async (t) => {
  const { kinesis, engine } = await startedRig(t, { refreshMs: 20 })
  const heard: string[] = []
  engine.onReshard((stream) => heard.push(stream))
  assert.equal((await engine.describe('s')).maxRecordBytes, 1024 * 1024)
  kinesis.summary = { ...kinesis.summary, MaxRecordSizeInKiB: 2048 }
  await eventually('the listener', async () => heard[0])
  assert.equal((await engine.describe('s')).maxRecordBytes, 2 * 1024 * 1024)
})

test('where one stream is configured there are no others', async (t) => {
  const { store, engine } = await startedRig(t, { stream: 's' })
  await store.create('other', { shards: 1 })
  assert.deepEqual(await engine.streams(), ['s'])
  await assert.rejects(engine.describe('other'), /no stream "other"; there is "s"/)
})
