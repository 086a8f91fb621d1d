import assert from 'node:assert/strict'
import { test } from 'node:test'
import { entry, readTexts, putAll, shardId } from '../../../../../support/engine-calls.ts'
import { controlPlane, refused, streamArn, summaryOf } from './control-plane.ts'

const hourMs = 3_600_000
const sStream = { StreamName: 's' }

test('retention goes up and down within 24 to 8760 hours', async (t) => {
  const { call, engine } = await controlPlane(t)
  await engine.create('s', { shards: 1 })
  const up = (hours: number) =>
    call('IncreaseStreamRetentionPeriod', { ...sStream, RetentionPeriodHours: hours })
  const down = (hours: number) =>
    call('DecreaseStreamRetentionPeriod', { ...sStream, RetentionPeriodHours: hours })
  await up(8760)
  assert.equal(engine.definition('s').retentionMs, 8760 * hourMs)
  await assert.rejects(
    up(48),
    refused('InvalidArgumentException', /can not be shorter than existing/)
  )
  await assert.rejects(up(8761), refused('InvalidArgumentException', /Maximum allowed/))
  await down(30)
  assert.equal((await summaryOf(call, 's'))['RetentionPeriodHours'], 30)
  await assert.rejects(
    down(31),
    refused('InvalidArgumentException', /can not be longer than existing/)
  )
  await assert.rejects(down(23), refused('InvalidArgumentException', /Minimum allowed/))
})

test('records are kept as long as the retention that was set last', async (t) => {
  const { call, engine, clock } = await controlPlane(t)
  await engine.create('s', { shards: 1 })
  await call('IncreaseStreamRetentionPeriod', { ...sStream, RetentionPeriodHours: 48 })
  await putAll(engine, [entry({ text: 'a' })])
  await clock.advance(40 * hourMs)
  await engine.sweep()
  assert.deepEqual(await readTexts(engine, shardId(0)), ['a'])
  await call('DecreaseStreamRetentionPeriod', { ...sStream, RetentionPeriodHours: 24 })
  await engine.sweep()
  assert.deepEqual(await readTexts(engine, shardId(0)), [])
})

test('the key of an encrypted stream is echoed until encryption stops', async (t) => {
  const { call, engine } = await controlPlane(t)
  await engine.create('s', { shards: 1 })
  const key = { ...sStream, EncryptionType: 'KMS', KeyId: 'alias/aws/kinesis' }
  await call('StartStreamEncryption', key)
  const { EncryptionType, KeyId } = await summaryOf(call, 's')
  assert.deepEqual([EncryptionType, KeyId], ['KMS', 'alias/aws/kinesis'])
  await call('StopStreamEncryption', key)
  const after = await summaryOf(call, 's')
  assert.deepEqual([after['EncryptionType'], after['KeyId']], ['NONE', undefined])
  await assert.rejects(
    call('StartStreamEncryption', { ...key, EncryptionType: 'NONE' }),
    refused('InvalidArgumentException')
  )
})

test('metrics are switched on and off by name, or all', async (t) => {
  const { call, engine } = await controlPlane(t)
  await engine.create('s', { shards: 1 })
  const enable = (...names: string[]) =>
    call('EnableEnhancedMonitoring', { ...sStream, ShardLevelMetrics: names })
  const disable = (...names: string[]) =>
    call('DisableEnhancedMonitoring', { ...sStream, ShardLevelMetrics: names })
  assert.deepEqual(await enable('OutgoingBytes', 'IncomingBytes'), {
    StreamName: 's',
    StreamARN: streamArn('s'),
    CurrentShardLevelMetrics: [],
    DesiredShardLevelMetrics: ['IncomingBytes', 'OutgoingBytes']
  })
  const off = await disable('IncomingBytes', 'IteratorAgeMilliseconds')
  assert.deepEqual(off['CurrentShardLevelMetrics'], ['IncomingBytes', 'OutgoingBytes'])
  assert.deepEqual(off['DesiredShardLevelMetrics'], ['OutgoingBytes'])
  const all = await enable('ALL')
  assert.ok(Array.isArray(all['DesiredShardLevelMetrics']))
  assert.equal(all['DesiredShardLevelMetrics'].length, 7)
  assert.deepEqual((await disable('ALL'))['DesiredShardLevelMetrics'], [])
  await assert.rejects(enable('Bytes'), refused('ValidationException'))
})

test('the largest record of a stream is changed within 1 to 10 MiB, and those who route are told', async (t) => {
  const { call, engine } = await controlPlane(t)
  await engine.create('s', { shards: 1 })
  const told: string[] = []
  engine.onReshard((stream) => told.push(stream))
  const update = (kib: number) =>
    call('UpdateMaxRecordSize', { StreamARN: streamArn('s'), MaxRecordSizeInKiB: kib })
  await update(10_240)
  assert.equal((await engine.describe('s')).maxRecordBytes, 10 * 1024 * 1024)
  assert.deepEqual(told, ['s'])
  await assert.rejects(update(10_241), refused('ValidationException'))
  await assert.rejects(update(1023), refused('ValidationException'))
})

test('a change of mode keeps the shards', async (t) => {
  const { call, engine } = await controlPlane(t)
  await engine.create('s', { shards: 3 })
  for (const mode of ['ON_DEMAND', 'ON_DEMAND', 'PROVISIONED']) {
    await call('UpdateStreamMode', {
      StreamARN: streamArn('s'),
      StreamModeDetails: { StreamMode: mode }
    })
    const { StreamModeDetails, OpenShardCount } = await summaryOf(call, 's')
    assert.deepEqual([StreamModeDetails, OpenShardCount], [{ StreamMode: mode }, 3])
  }
})

test('warm throughput needs the commitment and an on-demand stream, and makes it wide enough', async (t) => {
  const { call, engine } = await controlPlane(t)
  await engine.create('s', { shards: 2, settings: { mode: 'ON_DEMAND' } })
  await engine.create('p', { shards: 2 })
  const warm = (stream: string, mebibytes: number) =>
    call('UpdateStreamWarmThroughput', { StreamName: stream, WarmThroughputMiBps: mebibytes })
  await assert.rejects(
    warm('s', 10),
    refused('InvalidArgumentException', /MinimumThroughputBillingCommitment/)
  )
  await call('UpdateAccountSettings', { MinimumThroughputBillingCommitment: { Status: 'ENABLED' } })
  await assert.rejects(warm('p', 10), refused('InvalidArgumentException', /on-demand/))
  assert.deepEqual(await warm('s', 10), {
    StreamName: 's',
    StreamARN: streamArn('s'),
    WarmThroughput: { TargetMiBps: 10, CurrentMiBps: 10 }
  })
  assert.equal((await summaryOf(call, 's'))['OpenShardCount'], 10)
  await warm('s', 1)
  const { OpenShardCount, WarmThroughput } = await summaryOf(call, 's')
  assert.deepEqual([OpenShardCount, WarmThroughput], [10, { TargetMiBps: 1, CurrentMiBps: 1 }])
})
