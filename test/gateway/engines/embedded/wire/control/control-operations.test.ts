import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as kinesis from '@aws-sdk/client-kinesis'
import { pino } from 'pino'
import { controlOperations } from '../../../../../../gateway/engines/embedded/wire/control/control-operations.ts'
import { systemRandom } from '../../../../../../shared/random.ts'
import { ManualClock } from '../../../../../support/manual-clock.ts'
import { tempDir } from '../../../../../support/temp-dir.ts'
import { runningEngine } from '../../running-engine.ts'
import { controlPlane, refused } from './control-plane.ts'

const dataOperations = [
  'GetRecords',
  'GetShardIterator',
  'ListShards',
  'PutRecord',
  'PutRecords',
  'SubscribeToShard'
]
const unsupported = [
  'CreateChannel',
  'DeleteChannel',
  'DescribeChannel',
  'ListChannels',
  'UpdateChannel',
  'UpdateStreamRecordDistributionStrategy'
]

test('every operation of the service is there but for those of records, channels and distribution', async (t) => {
  const clock = new ManualClock()
  const engine = await runningEngine(t, await tempDir(t), { clock })
  const log = pino({ level: 'silent' })
  const others = new Set([...dataOperations, ...unsupported])
  const expected = Object.keys(kinesis)
    .filter((name) => /^[A-Z].*Command$/.test(name) && name !== '$Command')
    .map((name) => name.slice(0, -'Command'.length))
    .filter((name) => !others.has(name))
  for (const limits of ['none', 'kinesis'] as const) {
    const operations = controlOperations({ engine, limits, clock, random: systemRandom, log })
    assert.deepEqual(Object.keys(operations).sort(), expected.sort())
  }
})

test('members that are out of their bounds are refused in the words of the service', async (t) => {
  const { call, engine } = await controlPlane(t)
  await engine.create('s', { shards: 1 })
  const cases = [
    [
      'CreateStream',
      {},
      "Value null at 'streamName' failed to satisfy constraint: Member must not be null"
    ],
    [
      'UpdateMaxRecordSize',
      { StreamName: 's', MaxRecordSizeInKiB: 10_241 },
      "Value '10241' at 'maxRecordSizeInKiB' failed to satisfy constraint: Member must have value less than or equal to 10240"
    ],
    [
      'AddTagsToStream',
      { StreamName: 's', Tags: {} },
      "Value '{...}' at 'tags' failed to satisfy constraint: Member must have length greater than or equal to 1"
    ],
    [
      'AddTagsToStream',
      { StreamName: 's', Tags: { ['k'.repeat(129)]: '' } },
      "Value '{...}' at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1]"
    ],
    [
      'UpdateShardCount',
      { StreamName: 's', TargetShardCount: 0, ScalingType: 'UNIFORM_SCALING' },
      "Value '0' at 'targetShardCount' failed to satisfy constraint: Member must have value greater than or equal to 1"
    ]
  ] as const
  for (const [operation, input, text] of cases) {
    await assert.rejects(
      call(operation, input),
      refused('ValidationException', `1 validation error detected: ${text}`)
    )
  }
})

test('a stream that is not there is not found by any operation that names one', async (t) => {
  const { call } = await controlPlane(t)
  const stream = { StreamName: 'none' }
  const key = { ...stream, EncryptionType: 'KMS', KeyId: 'k' }
  const inputs = {
    AddTagsToStream: { ...stream, Tags: { a: 'b' } },
    DecreaseStreamRetentionPeriod: { ...stream, RetentionPeriodHours: 24 },
    DeleteStream: stream,
    DescribeStream: stream,
    DescribeStreamSummary: stream,
    EnableEnhancedMonitoring: { ...stream, ShardLevelMetrics: ['ALL'] },
    IncreaseStreamRetentionPeriod: { ...stream, RetentionPeriodHours: 48 },
    ListTagsForStream: stream,
    MergeShards: { ...stream, ShardToMerge: 'a', AdjacentShardToMerge: 'b' },
    SplitShard: { ...stream, ShardToSplit: 'a', NewStartingHashKey: '9' },
    StartStreamEncryption: key,
    StopStreamEncryption: key,
    UpdateMaxRecordSize: { ...stream, MaxRecordSizeInKiB: 2048 },
    UpdateShardCount: { ...stream, TargetShardCount: 2, ScalingType: 'UNIFORM_SCALING' },
    UpdateStreamWarmThroughput: { ...stream, WarmThroughputMiBps: 2 }
  }
  for (const [operation, input] of Object.entries(inputs)) {
    await assert.rejects(
      call(operation, input),
      refused('ResourceNotFoundException', 'Stream none under account 000000000000 not found.')
    )
  }
})
