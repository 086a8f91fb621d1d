import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Routes } from '../../../../gateway/fronts/mqtt/routes.ts'
import { TopicRules } from '../../../../gateway/fronts/mqtt/topic-rules.ts'

const greedy = new Routes([{ topic: '#', stream: 'everything' }])
const options = { pubsub: true, trackerIds: 'any' } as const
const device = { device: 'pi-4', defaultKey: 'pi-4' }

test('no route reaches the topics of the product or those that begin with $', () => {
  const rules = new TopicRules(greedy, options)
  for (const topic of ['headwater/v1/other/batch', 'headwater/x', '$SYS/x']) {
    const { to } = rules.publication(topic, device)
    assert.equal(to, 'refused', topic)
  }
  assert.deepEqual(rules.publication('any', device), {
    to: 'stream',
    stream: 'everything',
    key: 'pi-4'
  })
})

test('a topic that makes no valid stream or key is refused as invalid', () => {
  const rules = new TopicRules(new Routes([]), options)
  for (const topic of [
    'streams/not a name/k',
    'streams//k',
    `streams/telemetry/${'x'.repeat(300)}`
  ]) {
    const publication = rules.publication(topic, device)
    assert.equal(publication.to === 'refused' && publication.reason, 'invalid', topic)
  }
})

test('only the device of the topic sends its batches', () => {
  const rules = new TopicRules(new Routes([]), options)
  const topic = 'headwater/v1/pi-4/batch'
  assert.deepEqual(rules.publication(topic, device), { to: 'batch', stream: undefined })
  assert.deepEqual(rules.publication(`${topic}.json/logs`, device), { to: 'batch', stream: 'logs' })
  const bad = rules.publication(`${topic}.json/no/name`, device)
  assert.equal(bad.to === 'refused' && bad.reason, 'invalid')
  for (const other of ['pi-40', 'pi', undefined]) {
    const publication = rules.publication(topic, { device: other, defaultKey: 'k' })
    assert.equal(publication.to === 'refused' && publication.reason, 'forbidden')
  }
})

test('with ids: device a proven device sends for trackers of its own name, by any key', () => {
  const routes = [
    { topic: 'owntracks/+/+/#', stream: 'telemetry', as: 'owntracks' },
    { topic: 'own/+/+', stream: 'telemetry', as: 'owntracks', key: '{device}/{2}' },
    { topic: 'named/+', stream: 'telemetry', as: 'owntracks', key: '{1}' },
    { topic: 'plain/+/+', stream: 'telemetry', key: '{1}/{2}' }
  ] as const
  const rules = new TopicRules(new Routes(routes), { pubsub: false, trackerIds: 'device' })
  const jane = { device: 'jane', defaultKey: 'jane', provenDevice: 'jane' }
  const outcome = (topic: string, publisher = jane) => {
    const publication = rules.publication(topic, publisher)
    return publication.to === 'refused' ? publication.reason : publication.to
  }
  for (const own of [
    'owntracks/jane/phone',
    'owntracks/jane/phone/event',
    'own/joe/x',
    'named/jane'
  ]) {
    assert.equal(outcome(own), 'stream', own)
  }
  for (const foreign of [
    'owntracks/joe/phone',
    'owntracks/jan/e',
    'owntracks/janet/x',
    'named/joe'
  ]) {
    assert.equal(outcome(foreign), 'forbidden', foreign)
  }
  assert.equal(outcome('plain/joe/phone'), 'stream', 'no tracker')
  const nobody = { device: 'jane', defaultKey: 'jane' }
  const unproven = rules.publication('owntracks/joe/phone', nobody)
  assert.equal(unproven.to, 'stream', 'nothing was asked of it')
})
