import assert from 'node:assert/strict'
import { test } from 'node:test'
import { controlPlane, refused, streamArn, summaryOf } from './control-plane.ts'

test('a stream that was created is ACTIVE with what was asked for', async (t) => {
  const { call, clock } = await controlPlane(t)
  await call('CreateStream', {
    StreamName: 's',
    ShardCount: 3,
    MaxRecordSizeInKiB: 2048,
    Tags: { team: 'edge' }
  })
  assert.deepEqual(await summaryOf(call, 's'), {
    StreamName: 's',
    StreamARN: streamArn('s'),
    StreamStatus: 'ACTIVE',
    StreamModeDetails: { StreamMode: 'PROVISIONED' },
    StreamCreationTimestamp: new Date(clock.wallMs()),
    RetentionPeriodHours: 24,
    EnhancedMonitoring: [{ ShardLevelMetrics: [] }],
    EncryptionType: 'NONE',
    KeyId: undefined,
    OpenShardCount: 3,
    ConsumerCount: 0,
    WarmThroughput: undefined,
    MaxRecordSizeInKiB: 2048,
    ChannelCount: 0,
    RecordDistributionStrategy: 'USER_PARTITION_KEY'
  })
  const { Tags } = await call('ListTagsForStream', { StreamName: 's' })
  assert.deepEqual(Tags, [{ Key: 'team', Value: 'edge' }])
})

test('an on-demand stream begins with four shards and takes no ShardCount', async (t) => {
  const { call } = await controlPlane(t)
  const onDemand = { StreamModeDetails: { StreamMode: 'ON_DEMAND' } }
  await call('CreateStream', { StreamName: 's', ...onDemand })
  assert.equal((await summaryOf(call, 's'))['OpenShardCount'], 4)
  await assert.rejects(
    call('CreateStream', { StreamName: 'other', ShardCount: 1, ...onDemand }),
    refused('InvalidArgumentException', /ShardCount is not expected/)
  )
})

test('a second stream of a name is refused in the words of the service, also when both are made at once', async (t) => {
  const { call } = await controlPlane(t)
  const create = () => call('CreateStream', { StreamName: 's', ShardCount: 1 })
  const results = await Promise.allSettled([create(), create()])
  const refusals = results.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
  assert.equal(refusals.length, 1)
  refused(
    'ResourceInUseException',
    'Stream s under account 000000000000 already exists.'
  )(refusals[0])
})

test('a stream that cannot be is not created', async (t) => {
  const { call, engine } = await controlPlane(t)
  const cases = [
    [{ StreamName: 's' }, 'InvalidArgumentException'],
    [{ StreamName: 's', ShardCount: 0 }, 'ValidationException'],
    [{ StreamName: 's t', ShardCount: 1 }, 'ValidationException'],
    [{ StreamName: 's', ShardCount: 10_001 }, 'LimitExceededException'],
    [{ StreamName: 's', ShardCount: 1, MaxRecordSizeInKiB: 512 }, 'ValidationException'],
    [{ StreamName: 's', ShardCount: 1, Tags: { 'aws:x': '' } }, 'InvalidArgumentException'],
    [{ StreamName: 's', ShardCount: 1, WarmThroughputMiBps: 5 }, 'InvalidArgumentException'],
    [
      { StreamName: 's', ShardCount: 1, RecordDistributionStrategy: 'AUTO' },
      'InvalidArgumentException'
    ]
  ] as const
  for (const [input, type] of cases)
    await assert.rejects(call('CreateStream', input), refused(type))
  assert.deepEqual(await engine.streams(), [])
})

test('a deleted stream is gone, and one with consumers goes only when that is enforced', async (t) => {
  const { call } = await controlPlane(t)
  await call('CreateStream', { StreamName: 's', ShardCount: 1 })
  await call('RegisterStreamConsumer', { StreamARN: streamArn('s'), ConsumerName: 'c' })
  await assert.rejects(
    call('DeleteStream', { StreamName: 's' }),
    refused('ResourceInUseException', /registered consumers/)
  )
  await call('DeleteStream', { StreamARN: streamArn('s'), EnforceConsumerDeletion: true })
  await assert.rejects(
    call('DescribeStream', { StreamName: 's' }),
    refused('ResourceNotFoundException', 'Stream s under account 000000000000 not found.')
  )
})

test('there are at most 50 on-demand streams, and the account knows how many', async (t) => {
  const { call } = await controlPlane(t)
  const create = (name: string) =>
    call('CreateStream', {
      StreamName: name,
      StreamModeDetails: { StreamMode: 'ON_DEMAND' }
    })
  for (let i = 0; i < 50; i++) await create(`s${i}`)
  await assert.rejects(create('s50'), refused('LimitExceededException'))
  await call('CreateStream', { StreamName: 'p', ShardCount: 2 })
  await assert.rejects(
    call('UpdateStreamMode', {
      StreamARN: streamArn('p'),
      StreamModeDetails: { StreamMode: 'ON_DEMAND' }
    }),
    refused('LimitExceededException')
  )
  assert.deepEqual(await call('DescribeLimits'), {
    ShardLimit: 20_000,
    OpenShardCount: 202,
    OnDemandStreamCount: 50,
    OnDemandStreamCountLimit: 50,
    ChannelCount: 0,
    ChannelCountLimit: 0
  })
})
