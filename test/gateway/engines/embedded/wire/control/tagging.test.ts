import assert from 'node:assert/strict'
import { test } from 'node:test'
import { controlPlane, refused, streamArn } from './control-plane.ts'

const sStream = { StreamName: 's' }

test('tags are added, replaced, removed and listed by key, page by page', async (t) => {
  const { call, engine } = await controlPlane(t)
  await engine.create('s', { shards: 1 })
  await call('AddTagsToStream', { ...sStream, Tags: { b: '1', a: '2', c: '3' } })
  await call('AddTagsToStream', { ...sStream, Tags: { b: '' } })
  await call('RemoveTagsFromStream', { ...sStream, TagKeys: ['c', 'none'] })
  await call('AddTagsToStream', { ...sStream, Tags: { 'größe: x': 'a+b@c' } })
  assert.deepEqual(await call('ListTagsForStream', { ...sStream, Limit: 2 }), {
    Tags: [
      { Key: 'a', Value: '2' },
      { Key: 'b', Value: '' }
    ],
    HasMoreTags: true
  })
  assert.deepEqual(await call('ListTagsForStream', { ...sStream, ExclusiveStartTagKey: 'b' }), {
    Tags: [{ Key: 'größe: x', Value: 'a+b@c' }],
    HasMoreTags: false
  })
})

test('a stream has at most 50 tags, and tags with illegal characters or reserved keys are refused whole', async (t) => {
  const { call, engine } = await controlPlane(t)
  await engine.create('s', { shards: 1 })
  const add = (tags: Record<string, string>) => call('AddTagsToStream', { ...sStream, Tags: tags })
  await add(Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${i}`, ''])))
  await add({ k0: 'again' })
  await assert.rejects(
    add({ k50: '' }),
    refused(
      'InvalidArgumentException',
      'Failed to add tags to stream s under account 000000000000 because a given stream cannot have more than 50 tags associated with it.'
    )
  )
  for (const tags of [{ k0: '', 'a%': '' }, { k0: 'b;' }, { 'AWS:x': '' }]) {
    await assert.rejects(add(tags), refused('InvalidArgumentException'))
  }
  const { Tags } = await call('ListTagsForStream', { ...sStream, Limit: 1 })
  assert.deepEqual(Tags, [{ Key: 'k0', Value: 'again' }])
})

test('tags and policies of streams and consumers are kept apart, by ARN', async (t) => {
  const { call, engine, clock } = await controlPlane(t)
  await engine.create('s', { shards: 1 })
  await call('RegisterStreamConsumer', {
    StreamARN: streamArn('s'),
    ConsumerName: 'c',
    Tags: { of: 'c' }
  })
  const stream = { ResourceARN: streamArn('s') }
  const consumer = { ResourceARN: `${streamArn('s')}/consumer/c:${clock.wallMs() / 1000}` }
  await call('TagResource', { ...stream, Tags: { of: 's' } })
  await call('TagResource', { ...consumer, Tags: { more: '' } })
  await call('UntagResource', { ...consumer, TagKeys: ['more'] })
  await call('PutResourcePolicy', { ...stream, Policy: '{"of":"s"}' })
  await call('PutResourcePolicy', { ...consumer, Policy: '{"of":"c"}' })
  assert.deepEqual(await call('ListTagsForResource', stream), { Tags: [{ Key: 'of', Value: 's' }] })
  assert.deepEqual(await call('ListTagsForResource', consumer), {
    Tags: [{ Key: 'of', Value: 'c' }]
  })
  assert.deepEqual(await call('GetResourcePolicy', stream), { Policy: '{"of":"s"}' })
  await call('DeleteResourcePolicy', stream)
  await assert.rejects(call('GetResourcePolicy', stream), refused('ResourceNotFoundException'))
  assert.deepEqual(await call('GetResourcePolicy', consumer), { Policy: '{"of":"c"}' })
})

test('what is no policy is refused', async (t) => {
  const { call, engine } = await controlPlane(t)
  await engine.create('s', { shards: 1 })
  for (const policy of ['', '{', `"${'x'.repeat(20 * 1024)}"`]) {
    await assert.rejects(
      call('PutResourcePolicy', { ResourceARN: streamArn('s'), Policy: policy }),
      refused('InvalidArgumentException')
    )
  }
})

test('a resource that is not there is not found', async (t) => {
  const { call } = await controlPlane(t)
  for (const arn of [streamArn('none'), `${streamArn('none')}/consumer/c:1`]) {
    await assert.rejects(
      call('ListTagsForResource', { ResourceARN: arn }),
      refused('ResourceNotFoundException')
    )
  }
})

test('a tag that could not be kept is refused, not dropped', async (t) => {
  const { call, engine } = await controlPlane(t)
  await engine.create('s', { shards: 1 })
  const Tags = JSON.parse('{"a":"1","__proto__":"2"}')
  await assert.rejects(
    call('AddTagsToStream', { ...sStream, Tags }),
    refused('ValidationException', /at 'tags' .*__proto__/)
  )
  await assert.rejects(call('AddTagsToStream', sStream), refused('ValidationException', /tags/))
})
