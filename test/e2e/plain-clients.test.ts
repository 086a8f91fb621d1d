import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import mqtt from 'mqtt'
import { assertOnceInOrderByKey } from '../support/oracle.ts'
import { readAll, textOf } from '../support/programs.ts'
import { Scenario } from '../support/scenario.ts'

function post(scenario: Scenario, body: string | Buffer, headers: Record<string, string> = {}) {
  return fetch(`${scenario.url}/v1/streams/telemetry/records`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain', ...headers },
    body
  })
}

test('raw bodies, JSON, NDJSON and gzip posted by anyone are records of the stream', async (t) => {
  const scenario = await Scenario.create(t)
  await scenario.startGateway()
  const json = { 'content-type': 'application/json' }
  const records = { records: [{ data: 'aGVsbG8=', partitionKey: 'k1' }, { json: { t: 21.5 } }] }
  const answers = [
    await post(scenario, 'one raw record'),
    await post(scenario, JSON.stringify(records), json),
    await post(scenario, '{"text":"a"}\n{"text":"b"}\n', {
      'content-type': 'application/x-ndjson'
    }),
    await post(scenario, gzipSync(JSON.stringify({ records: [{ text: 'packed' }] })), {
      ...json,
      'content-encoding': 'gzip'
    })
  ]
  assert.deepEqual(
    answers.map((answer) => answer.status),
    [200, 200, 200, 200]
  )
  const read = await readAll(scenario.url)
  assert.deepEqual(read.map(textOf).sort(), [
    'a',
    'b',
    'hello',
    'one raw record',
    'packed',
    '{"t":21.5}'
  ])
  assert.equal(read.find((record) => textOf(record) === 'hello')?.partitionKey, 'k1')
})

test('a post repeated with its Idempotency-Key is one record, without it two', async (t) => {
  const scenario = await Scenario.create(t)
  const gateway = await scenario.startGateway()
  const key = { 'idempotency-key': 'order-66' }
  assert.equal((await post(scenario, 'once', key)).status, 200)
  assert.equal((await post(scenario, 'once', key)).status, 200)
  await gateway.kill()
  const second = await scenario.startGateway()
  assert.equal((await post(scenario, 'once', key)).status, 200)
  await post(scenario, 'twice')
  await post(scenario, 'twice')
  // Other data under an old key is refused or kept, never acknowledged and dropped.
  assert.equal((await post(scenario, 'another', key)).status, 400)
  await second.kill()
  await scenario.startGateway()
  assert.equal((await post(scenario, 'another', key)).status, 200)
  const texts = (await readAll(scenario.url)).map(textOf).sort()
  assert.deepEqual(texts, ['another', 'once', 'twice', 'twice'])
})

test('plain MQTT publishes are records, in order by key, the PUBACK saying durable', async (t) => {
  const scenario = await Scenario.create(t)
  const gateway = await scenario.startGateway()
  const client = await mqtt.connectAsync(scenario.mqttUrl, { clientId: 'sensor-9' })
  const written = new Map<string, string[]>()
  const sends: Promise<unknown>[] = []
  for (let i = 0; i < 600; i++) {
    const key = `room-${i % 3}`
    const value = `reading ${i}`
    written.set(key, [...(written.get(key) ?? []), value])
    sends.push(client.publishAsync(`streams/telemetry/${key}`, value, { qos: i % 2 === 0 ? 1 : 2 }))
  }
  await Promise.all(sends)
  await gateway.kill()
  await client.endAsync(true)
  await scenario.startGateway()
  assertOnceInOrderByKey(await readAll(scenario.url), written)
})

test('mosquitto_pub sends a record', async (t) => {
  if (spawnSync('mosquitto_pub', ['--help']).error) {
    t.skip('mosquitto_pub is not installed')
    return
  }
  const scenario = await Scenario.create(t)
  await scenario.startGateway()
  const where = ['-h', '127.0.0.1', '-p', String(scenario.mqttPort)]
  const what = ['-t', 'streams/telemetry/greenhouse', '-m', '{"celsius":21.5}', '-q', '1']
  execFileSync('mosquitto_pub', [...where, ...what])
  const [record] = await readAll(scenario.url)
  assert.equal(record?.partitionKey, 'greenhouse')
  assert.equal(record && textOf(record), '{"celsius":21.5}')
})

test('a topic that matches no route is not acknowledged, and the log names it', async (t) => {
  const scenario = await Scenario.create(t)
  const gateway = await scenario.startGateway()
  const client = mqtt.connect(scenario.mqttUrl, { clientId: 'lost', reconnectPeriod: 0 })
  const closed = new Promise<void>((resolve) => client.on('close', () => resolve()))
  client.on('error', () => undefined)
  let acked = false
  client.publish('no/such/route', 'x', { qos: 1 }, (error) => {
    acked = !error
  })
  await closed
  assert.equal(acked, false)
  await gateway.says(/no\/such\/route/)
  await client.endAsync(true)
})

test('bad input gets an error that names the field, and nothing else is lost with it', async (t) => {
  const scenario = await Scenario.create(t)
  await scenario.startGateway()
  const json = { 'content-type': 'application/json' }
  for (const [body, status, message] of [
    ['{"records":[{"data":"a"}]}', 400, /records\[0\].*data/],
    ['{"records":', 400, /JSON/],
    ['{}', 400, /records/]
  ] as const) {
    const answer = await post(scenario, body, json)
    assert.equal(answer.status, status, body)
    assert.match(await answer.text(), message)
  }
  const mixed = { records: [{ text: 'good' }, { text: 'x', partitionKey: 'k'.repeat(300) }] }
  const answer = await post(scenario, JSON.stringify(mixed), json)
  assert.equal(answer.status, 200)
  const { rejected } = (await answer.json()) as { rejected: { code: string }[] }
  assert.deepEqual(
    rejected.map((one) => one.code),
    ['invalid']
  )
  assert.deepEqual((await readAll(scenario.url)).map(textOf), ['good'])
  const missing = await fetch(`${scenario.url}/v1/streams/nope/records`, {
    method: 'POST',
    body: 'x'
  })
  assert.equal(missing.status, 404)
  assert.match(await missing.text(), /telemetry/)
})
