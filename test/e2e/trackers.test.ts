import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import mqtt from 'mqtt'
import { freePort, Program, type ReadRecord, readAll, textOf } from '../support/programs.ts'
import { Scenario } from '../support/scenario.ts'

const fixMs = Math.floor(Date.now() / 1000 - 60) * 1000
const tst = fixMs / 1000

async function tokenOf(t: TestContext, scenario: Scenario, device: string): Promise<string> {
  const args = ['devices', 'add', device, '--json', '--data-dir', scenario.path('gateway')]
  const command = new Program(t, 'gateway', { args })
  command.start()
  assert.equal(await command.exit(), 0, command.output)
  return (JSON.parse(command.output) as { token: string }).token
}

function essence(record: ReadRecord) {
  const { device, partitionKey, time } = record
  const { lat, lon, speed } = JSON.parse(textOf(record)) as Record<string, unknown>
  return { device, partitionKey, time, lat, lon, speed }
}

test('phones with Traccar Client and OwnTracks are devices like others, and no token is seen', async (t) => {
  const scenario = await Scenario.create(t)
  const port = await freePort()
  const config = await scenario.file(
    'gateway.yaml',
    `
auth: devices
log: { level: debug }
trackers: { osmand: { listen: "127.0.0.1:${port}" } }
routes:
  - { topic: "owntracks/+/+/#", stream: telemetry, as: owntracks }
`
  )
  const van = await tokenOf(t, scenario, 'van-7')
  const jane = await tokenOf(t, scenario, 'jane')
  const gateway = await scenario.startGateway(['--config', config])

  // Traccar Client 8 adds its parameters to the URL; 10 posts a form.
  const point = `id=van-7&timestamp=${tst}&lat=48.2&lon=16.3&speed=19.44`
  const traccar8 = `http://127.0.0.1:${port}/?token=${van}&${point}`
  const traccar10 = `${scenario.url}/v1/track/osmand?token=${van}`
  const answers = [
    await fetch(traccar8, { method: 'POST' }),
    await fetch(traccar10, { method: 'POST', body: new URLSearchParams(`${point}1`) }),
    await fetch(`http://127.0.0.1:${port}/?token=sesame&${point}`),
    await fetch(`${scenario.url}/v1/track/owntracks`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`jane:${jane}`).toString('base64')}`,
        'x-limit-u': 'jane',
        'x-limit-d': 'phone'
      },
      body: JSON.stringify({ _type: 'location', lat: 47, lon: 15, vel: 36, tst })
    })
  ]
  assert.deepEqual(
    answers.map((answer) => answer.status),
    [200, 200, 401, 200]
  )
  assert.equal(await answers[3]?.text(), '[]')
  const phone = await mqtt.connectAsync(scenario.mqttUrl, {
    clientId: 'jane-watch',
    protocolId: 'MQIsdp',
    protocolVersion: 3,
    username: 'jane',
    password: jane
  })
  await phone.subscribeAsync('owntracks/+/+').catch(() => undefined)
  const location = JSON.stringify({ _type: 'location', lat: 46, lon: 14, vel: 3.6, tst })
  for (const qos of [1, 2] as const) {
    await phone.publishAsync('owntracks/jane/watch', location, { qos, retain: true })
  }
  await phone.endAsync()

  const records = await readAll(scenario.url)
  const keyed = (key: string) => records.filter((one) => one.partitionKey === key).map(essence)
  const ofVan = { device: 'van-7', partitionKey: 'van-7', time: fixMs, lat: 48.2, lon: 16.3 }
  assert.deepEqual(keyed('van-7'), [
    { ...ofVan, speed: 10.001 },
    { ...ofVan, speed: 10.001 }
  ])
  const ofJane = { device: 'jane', time: fixMs }
  assert.deepEqual(keyed('jane/phone'), [
    { ...ofJane, partitionKey: 'jane/phone', lat: 47, lon: 15, speed: 10 }
  ])
  const watch = { ...ofJane, partitionKey: 'jane/watch', lat: 46, lon: 14, speed: 1 }
  assert.deepEqual(keyed('jane/watch'), [watch, watch])

  const seen = gateway.output + records.map(textOf).join('')
  for (const token of [van, jane, 'sesame']) assert.ok(!seen.includes(token), 'a token was printed')
})

test('the port for OsmAnd is guarded as the others are', async (t) => {
  const scenario = await Scenario.create(t)
  const config = await scenario.file(
    'gateway.yaml',
    'trackers: { osmand: { listen: "0.0.0.0:5055" } }'
  )
  const gateway = scenario.gateway(['--config', config])
  gateway.start()
  assert.notEqual(await gateway.exit(), 0)
  assert.match(gateway.output, /trackers\.osmand\.listen.*can be reached from other machines/)
})
