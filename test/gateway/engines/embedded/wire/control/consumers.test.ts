import assert from 'node:assert/strict'
import { test } from 'node:test'
import { controlPlane, type ControlPlane, refused, streamArn } from './control-plane.ts'

const sArn = { StreamARN: streamArn('s') }

async function register({ call }: ControlPlane, name: string): Promise<string> {
  const { Consumer } = await call('RegisterStreamConsumer', { ...sArn, ConsumerName: name })
  return String((Consumer as Record<string, unknown>)['ConsumerARN'])
}

test('a registered consumer is ACTIVE and is found by its ARN and by its name', async (t) => {
  const plane = await controlPlane(t)
  const { call, engine, clock } = plane
  await engine.create('s', { shards: 1 })
  const arn = await register(plane, 'c')
  assert.equal(arn, `${streamArn('s')}/consumer/c:${clock.wallMs() / 1000}`)
  for (const input of [{ ConsumerARN: arn }, { ...sArn, ConsumerName: 'c' }]) {
    const { ConsumerDescription } = await call('DescribeStreamConsumer', input)
    assert.deepEqual(ConsumerDescription, {
      ConsumerName: 'c',
      ConsumerARN: arn,
      ConsumerStatus: 'ACTIVE',
      ConsumerCreationTimestamp: new Date(clock.wallMs()),
      ...sArn
    })
  }
  await assert.rejects(
    call('DescribeStreamConsumer', sArn),
    refused('InvalidArgumentException', /ConsumerARN, or both/)
  )
})

test('a consumer that was registered anew is not the one of the old ARN', async (t) => {
  const plane = await controlPlane(t)
  const { call, engine, clock } = plane
  await engine.create('s', { shards: 1 })
  const old = await register(plane, 'c')
  await call('DeregisterStreamConsumer', { ConsumerARN: old })
  await assert.rejects(
    call('DescribeStreamConsumer', { ...sArn, ConsumerName: 'c' }),
    refused('ResourceNotFoundException')
  )
  await clock.advance(1000)
  const fresh = await register(plane, 'c')
  assert.notEqual(fresh, old)
  for (const operation of ['DescribeStreamConsumer', 'DeregisterStreamConsumer']) {
    await assert.rejects(
      call(operation, { ConsumerARN: old }),
      refused('ResourceNotFoundException')
    )
  }
  await call('DeregisterStreamConsumer', { ...sArn, ConsumerName: 'c' })
})

test('a stream has at most 20 consumers, each name once', async (t) => {
  const plane = await controlPlane(t)
  await plane.engine.create('s', { shards: 1 })
  await register(plane, 'c0')
  await assert.rejects(register(plane, 'c0'), refused('ResourceInUseException', /already exists/))
  for (let i = 1; i < 20; i++) await register(plane, `c${i}`)
  await assert.rejects(register(plane, 'c20'), refused('LimitExceededException'))
})

test('consumers are listed page by page, of the stream that was created then', async (t) => {
  const plane = await controlPlane(t)
  const { call, engine, clock } = plane
  await engine.create('s', { shards: 1 })
  const created = new Date(clock.wallMs())
  for (const name of ['b', 'a', 'c']) await register(plane, name)
  const first = await call('ListStreamConsumers', { ...sArn, MaxResults: 2 })
  const rest = await call('ListStreamConsumers', {
    ...sArn,
    NextToken: first['NextToken'],
    StreamCreationTimestamp: created
  })
  assert.deepEqual([namesIn(first), namesIn(rest)], [['a', 'b'], ['c']])
  assert.equal(rest['NextToken'], undefined)
  await assert.rejects(
    call('ListStreamConsumers', { ...sArn, StreamCreationTimestamp: new Date(0) }),
    refused('ResourceNotFoundException')
  )
})

function namesIn(answer: Record<string, unknown>): unknown[] {
  const { Consumers } = answer
  assert.ok(Array.isArray(Consumers))
  return Consumers.map((one: Record<string, unknown>) => one['ConsumerName'])
}
