import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  definitionOf,
  shardOf,
  streamArnOf,
  streamOf
} from '../../../../../gateway/engines/embedded/wire/stream-identity.ts'
import { dataApi, isError } from './data/data-api.ts'

const StreamARN = streamArnOf('s', 'eu-west-1')

test('a stream is meant by its name, by its ARN, or by both when they agree', () => {
  assert.equal(StreamARN, 'arn:aws:kinesis:eu-west-1:000000000000:stream/s')
  assert.equal(streamOf({ StreamName: 's' }), 's')
  assert.equal(streamOf({ StreamARN }), 's')
  assert.equal(streamOf({ StreamName: 's', StreamARN }), 's')
})

test('no stream and two different ones are refused', () => {
  assert.throws(() => streamOf({}), isError('InvalidArgumentException'))
  const two = { StreamName: 'other', StreamARN }
  assert.throws(() => streamOf(two), isError('InvalidArgumentException', /other/))
})

test('a stream or shard that is not there is not found, in the words of the service', async (t) => {
  const { engine } = await dataApi(t)
  assert.throws(
    () => definitionOf(engine, 'other'),
    isError('ResourceNotFoundException', 'Stream other under account 000000000000 not found.')
  )
  const definition = definitionOf(engine, 's')
  for (const id of ['shardId-000000000001', 'x']) {
    assert.throws(
      () => shardOf(definition, id),
      isError(
        'ResourceNotFoundException',
        `Shard ${id} in stream s under account 000000000000 does not exist`
      )
    )
  }
})
