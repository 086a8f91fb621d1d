import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../../../../support/manual-clock.ts'
import { tempDir } from '../../../../../support/temp-dir.ts'
import { life } from '../../running-engine.ts'
import { type Call, callerOf, streamArn, summaryOf } from './control-plane.ts'

const arn = { StreamARN: streamArn('s') }
const resource = { ResourceARN: streamArn('s') }

test('all that was set is there after a restart', async (t) => {
  const directory = await tempDir(t)
  const clock = new ManualClock()
  const limits = 'none'
  const before = await life({ directory, clock }, async (engine) => {
    const call = callerOf(engine, { limits, clock })
    await setEverything(call)
    return everything(call)
  })
  const after = await life({ directory, clock }, (engine) =>
    everything(callerOf(engine, { limits, clock }))
  )
  assert.deepEqual(after, before)
  const { summary } = before
  assert.deepEqual(
    [summary['OpenShardCount'], summary['ConsumerCount'], summary['RetentionPeriodHours']],
    [7, 1, 99]
  )
  assert.deepEqual(
    [summary['KeyId'], summary['MaxRecordSizeInKiB'], summary['WarmThroughput']],
    ['alias/k', 3000, { TargetMiBps: 7, CurrentMiBps: 7 }]
  )
})

async function setEverything(call: Call): Promise<void> {
  await call('UpdateAccountSettings', { MinimumThroughputBillingCommitment: { Status: 'ENABLED' } })
  await call('CreateStream', { StreamName: 's', ShardCount: 2, Tags: { a: 'b' } })
  await call('UpdateStreamMode', {
    ...arn,
    StreamModeDetails: { StreamMode: 'ON_DEMAND' },
    WarmThroughputMiBps: 7
  })
  await call('IncreaseStreamRetentionPeriod', { ...arn, RetentionPeriodHours: 99 })
  await call('StartStreamEncryption', { ...arn, EncryptionType: 'KMS', KeyId: 'alias/k' })
  await call('EnableEnhancedMonitoring', { ...arn, ShardLevelMetrics: ['IncomingBytes'] })
  await call('UpdateMaxRecordSize', { ...arn, MaxRecordSizeInKiB: 3000 })
  await call('PutResourcePolicy', { ...resource, Policy: '{}' })
  await call('RegisterStreamConsumer', { ...arn, ConsumerName: 'c', Tags: { x: 'y' } })
}

async function everything(call: Call) {
  return {
    summary: await summaryOf(call, 's'),
    stream: await call('DescribeStream', arn),
    tags: await call('ListTagsForStream', arn),
    policy: await call('GetResourcePolicy', resource),
    consumers: await call('ListStreamConsumers', arn),
    account: await call('DescribeAccountSettings')
  }
}
