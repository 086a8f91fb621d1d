import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { mqtt } from '../../../../agent/sources/mqtt/mqtt.ts'
import { sourceContract } from '../../../contract/source.ts'
import { FakeBroker } from '../../../support/fake-broker.ts'
import { SourceBench } from '../../../support/source-bench.ts'
import { tempDir } from '../../../support/temp-dir.ts'

async function setup(t: TestContext, options: object = {}) {
  const broker = new FakeBroker(t)
  const url = await broker.listen()
  const bench = new SourceBench(t, mqtt)
  const written = { mqtt: url, topics: ['a/#'], ...options }
  const connected = () => bench.until(() => broker.connected)
  return { broker, bench, written, connected }
}

sourceContract('mqtt', async (t) => {
  const { broker, bench, written, connected } = await setup(t)
  let number = 0
  return {
    bench,
    options: written,
    rewindable: false,
    produce: async (count) => {
      await connected()
      for (let i = 0; i < count; i++) broker.publish('a/b', `reading ${number++}`)
    }
  }
})

test('a PUBACK goes out only when the message is durable, in order', async (t) => {
  const { broker, bench, written, connected } = await setup(t)
  bench.appender.automatic = false
  bench.start(written)
  await connected()
  for (const text of ['1', '2', '3']) broker.publish('a/b', text)
  await bench.until(() => bench.appender.chunks.some(({ records }) => records.lens.length > 0))
  await bench.pass(1000)
  assert.deepEqual(broker.acked, [])
  bench.appender.automatic = true
  bench.appender.commit()
  await bench.until(() => broker.acked.length === 3)
  assert.deepEqual(broker.acked, [1, 2, 3])
  assert.deepEqual(bench.appender.texts, ['1', '2', '3'])
  assert.ok(
    bench.appender.chunks.every(({ records, urgent }) => urgent || records.lens.length === 0)
  )
})

test('a stop while the password is read leaves no connection behind', async (t) => {
  const { broker, bench, written } = await setup(t)
  const file = join(await tempDir(t), 'password')
  await writeFile(file, 'secret')
  bench.start({ ...written, user: 'u', password: { file } })
  await bench.stop()
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.deepEqual(broker.clientIds, [])
})

test('messages that come together are one chunk', async (t) => {
  const { broker, bench, written, connected } = await setup(t)
  bench.start(written)
  await connected()
  broker.disconnect()
  for (let i = 0; i < 50; i++) broker.publish('a/b', `${i}`)
  await bench.until(() => broker.acked.length === 50)
  assert.ok(bench.appender.chunks.filter(({ records }) => records.lens.length > 0).length <= 3)
})

test('the key is the device, the topic or a segment; topic and retain are attributes', async (t) => {
  const cases = [
    ['device', 'device-1'],
    ['topic', 'site/pump-7/rpm'],
    ['segment:2', 'pump-7'],
    ['segment:9', 'device-1']
  ] as const
  for (const [key, expected] of cases) {
    const { broker, bench, written, connected } = await setup(t, { key })
    bench.start(written)
    await connected()
    broker.publish('site/pump-7/rpm', '900', { retain: true })
    await bench.until(() => bench.appender.records.length === 1)
    assert.equal(bench.appender.records[0]?.partitionKey, expected)
    assert.deepEqual(bench.appender.records[0].attributes, {
      topic: 'site/pump-7/rpm',
      retained: 'true'
    })
    await bench.stop()
  }
})

test('what is sent again while it waits for its commit is stored once and acked there', async (t) => {
  const { broker, bench, written, connected } = await setup(t)
  bench.start(written)
  await connected()
  await bench.until(() => broker.subscribed.length === 1 && bench.appender.waiting === 0)
  bench.appender.automatic = false
  broker.publish('a/b', '1')
  broker.publish('a/b', '2')
  await bench.until(() => bench.appender.waiting > 0)
  broker.disconnect()
  await bench.until(() => broker.connected && (bench.source?.stats().problems['repeat'] ?? 0) >= 1)
  bench.appender.automatic = true
  bench.appender.commit()
  await bench.until(() => broker.unacked.length === 0)
  assert.deepEqual(bench.appender.texts, ['1', '2'])
})

test('what was stored while the connection was away is acked when it comes again', async (t) => {
  const { broker, bench, written, connected } = await setup(t)
  bench.start(written)
  await connected()
  await bench.until(() => broker.subscribed.length === 1 && bench.appender.waiting === 0)
  bench.appender.automatic = false
  broker.publish('a/b', '1')
  await bench.until(() => bench.appender.waiting > 0)
  broker.disconnect()
  await bench.until(() => bench.source?.stats().problems['lost_connection'] === 1, 0)
  bench.appender.automatic = true
  bench.appender.commit()
  await bench.until(() => broker.unacked.length === 0)
  assert.deepEqual(bench.appender.texts, ['1'])
})

test('a PUBACK that is lost on its way means a repeat, never a loss', async (t) => {
  const { broker, bench, written, connected } = await setup(t)
  bench.start(written)
  await connected()
  broker.hears = false
  broker.publish('a/b', '1')
  await bench.until(() => bench.appender.texts.length === 1)
  await bench.pass(200)
  broker.hears = true
  broker.disconnect()
  await bench.until(() => broker.unacked.length === 0)
  assert.deepEqual(bench.appender.texts, ['1', '1'])
})

test('a failed append acks nothing, ends the run, and the next run gets it again', async (t) => {
  const { broker, bench, written, connected } = await setup(t)
  const source = bench.start(written)
  await connected()
  await bench.until(() => bench.appender.cursors('in').size === 1)
  bench.appender.failNext()
  broker.publish('a/b', '1')
  await bench.until(() => !bench.running)
  assert.notEqual(await bench.done(), undefined)
  assert.deepEqual(broker.acked, [])
  bench.resume(source)
  await bench.until(() => broker.unacked.length === 0)
  assert.deepEqual(bench.appender.texts, ['1'])
})

test('a stop acks what it could store and leaves the rest to the broker', async (t) => {
  const { broker, bench, written, connected } = await setup(t)
  const source = bench.start(written)
  await connected()
  await bench.until(() => bench.appender.cursors('in').size === 1)
  bench.appender.automatic = false
  broker.publish('a/b', '1')
  await bench.until(() => bench.appender.waiting > 0)
  broker.publish('a/b', '2')
  await bench.stop()
  assert.equal(await bench.done(), undefined)
  await bench.pass(100)
  assert.deepEqual(new Set([...bench.appender.texts, ...broker.unacked.map(String)]).size, 2)
  bench.appender.automatic = true
  bench.resume(source)
  await bench.until(() => broker.unacked.length === 0)
  assert.deepEqual(bench.appender.texts, ['1', '2'])
})

test('topics are subscribed once a session; those that are gone are given up', async (t) => {
  const { broker, bench, written, connected } = await setup(t, { topics: ['a/#', 'old/#'] })
  bench.start(written)
  await connected()
  await bench.until(() => bench.appender.cursors('in').size === 1)
  broker.disconnect()
  await connected()
  await bench.pass(200)
  assert.deepEqual(broker.subscribed, [['a/#', 'old/#']])
  await bench.stop()
  bench.start({ ...written, topics: ['a/#', 'new/#'] })
  await bench.until(() => broker.subscribed.length === 2)
  assert.deepEqual(broker.unsubscribed, [['old/#']])
  assert.deepEqual(broker.subscribed[1], ['a/#', 'new/#'])
  assert.deepEqual(new Set(broker.clientIds), new Set(['headwater-device-1-in']))
})

test('a session that the broker has forgotten is subscribed anew and counted', async (t) => {
  const { broker, bench, written, connected } = await setup(t)
  bench.start(written)
  await connected()
  await bench.until(() => bench.appender.cursors('in').size === 1)
  await bench.stop()
  broker.forget()
  bench.start(written)
  await bench.until(() => broker.subscribed.length === 2)
  assert.equal(bench.source?.stats().problems['lost_session'], 1)
  broker.publish('a/b', '1')
  await bench.until(() => broker.acked.length === 1)
})

test('a broker that cannot be reached is tried again with growing waits', async (t) => {
  const bench = new SourceBench(t, mqtt)
  bench.start({ mqtt: 'mqtt://127.0.0.1:1', topics: ['a'] })
  await bench.until(() => (bench.source?.stats().problems['failed_connection'] ?? 0) >= 4)
  await bench.stop()
  assert.equal(await bench.done(), undefined)
})

test('wrong options are named', (t) => {
  const bench = new SourceBench(t, mqtt)
  const create = (options: object) => () =>
    bench.create({ mqtt: 'mqtt://127.0.0.1', topics: ['a'], ...options })
  assert.throws(create({ mqtt: 'http://127.0.0.1' }), /mqtt:\/\/HOST:PORT/)
  assert.throws(create({ mqtt: 'mqtt://me:secret@127.0.0.1' }), /without user and password/)
  assert.throws(create({ topics: [] }), /topics/)
  assert.throws(create({ key: 'segment:0' }), /segment:N/)
  assert.throws(create({ version: 3 }), /version/)
  create({ mqtt: 'mqtts://broker.example:8883', key: 'segment:3' })()
})
