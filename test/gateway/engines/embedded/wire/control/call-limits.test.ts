import assert from 'node:assert/strict'
import { test } from 'node:test'
import { controlPlane, refused, streamArn } from './control-plane.ts'

test('an operation is called five times a second by the account, and again when the second is over', async (t) => {
  const { call, clock } = await controlPlane(t, { limits: 'kinesis' })
  for (let i = 0; i < 5; i++) await call('ListStreams')
  await assert.rejects(
    call('ListStreams'),
    refused('LimitExceededException', 'Rate exceeded for account 000000000000.')
  )
  await call('DescribeLimits')
  await clock.advance(999)
  await assert.rejects(call('ListStreams'), refused('LimitExceededException'))
  await clock.advance(1)
  await call('ListStreams')
})

test('a rate of streams is one for each stream, and the message names it', async (t) => {
  const { call, engine } = await controlPlane(t, { limits: 'kinesis' })
  for (const name of ['a', 'b']) await engine.create(name, { shards: 1 })
  const list = (stream: string) => call('ListStreamConsumers', { StreamARN: streamArn(stream) })
  for (let i = 0; i < 5; i++) await list('a')
  await assert.rejects(
    list('a'),
    refused('LimitExceededException', 'Rate exceeded for stream a under account 000000000000.')
  )
  await list('b')
})

test('the shard count of a stream is changed ten times a day; failed calls do not count', async (t) => {
  const { call, engine, clock } = await controlPlane(t, { limits: 'kinesis' })
  await engine.create('s', { shards: 1 })
  const update = async (count: number) => {
    await clock.advance(1000)
    await call('UpdateShardCount', {
      StreamName: 's',
      TargetShardCount: count,
      ScalingType: 'UNIFORM_SCALING'
    })
  }
  for (let i = 0; i < 10; i++) {
    await assert.rejects(update(9), refused('LimitExceededException', /over double/))
    await update(1 + ((i + 1) % 2))
  }
  await assert.rejects(update(2), refused('LimitExceededException', /10 times in 24 hours/))
  await clock.advance(24 * 3_600_000)
  await update(2)
})

test('without the limits of Kinesis nothing is counted', async (t) => {
  const { call } = await controlPlane(t)
  for (let i = 0; i < 50; i++) await call('DescribeLimits')
})
