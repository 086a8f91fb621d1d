import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DeviceStore } from '../../../../../gateway/admission/device-store.ts'
import { HeadwaterError } from '../../../../../shared/errors.ts'
import { startFront, talk } from '../fixture.ts'

const osmand = '/v1/track/osmand?id=van-7&timestamp=1766822400&lat=48.2&lon=16.3'
const place = { _type: 'location', lat: 48.2, lon: 16.3, tst: 1_766_822_400 }
const json = { 'content-type': 'application/json' }

function basic(user: string, token: string) {
  return { authorization: `Basic ${Buffer.from(`${user}:${token}`).toString('base64')}` }
}

function post(url: string, body: unknown, headers: Record<string, string> = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return fetch(url, { method: 'POST', body: text, headers: { ...json, ...headers } })
}

test('a point is answered with 200 when it is durable, under the key of its tracker', async (t) => {
  const { url, disk } = await startFront(t)
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const v9 = {
    location: { timestamp: '2026-01-01T00:00:00Z', coords: { latitude: 1, longitude: 2 } },
    device_id: 'b'
  }
  const answers = [
    await fetch(`${url}${osmand}`),
    await fetch(`${url}${osmand}1`, { method: 'POST' }),
    await post(`${url}/v1/track/osmand`, 'id=a&lat=1&lon=2&timestamp=1766822400', form),
    await post(`${url}/v1/track/osmand`, v9)
  ]
  for (const answer of answers) {
    assert.equal(answer.status, 200)
    assert.equal(await answer.text(), '')
  }
  assert.deepEqual(
    disk.records.map((one) => one.key),
    ['van-7', 'van-7', 'a', 'b']
  )
})

test('OwnTracks gets an empty list, and its user and device are the key', async (t) => {
  const { url, disk } = await startFront(t)
  const where = `${url}/v1/track/owntracks`
  const answers = [
    await post(where, place, { 'x-limit-u': 'jane', 'x-limit-d': 'phone' }),
    await post(`${where}?u=jane&d=watch`, place),
    await post(where, place, basic('jane', 'x')),
    await post(where, place)
  ]
  for (const answer of answers) {
    assert.equal(answer.status, 200)
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
    assert.equal(await answer.text(), '[]')
  }
  const keys = disk.records.map((one) => one.key)
  assert.deepEqual(keys, ['jane/phone', 'jane/watch', 'jane', 'anonymous'])
})

test('an empty body of OwnTracks is answered and is no record', async (t) => {
  const { url, disk } = await startFront(t)
  const answer = await post(`${url}/v1/track/owntracks`, '')
  assert.equal(await answer.text(), '[]')
  assert.equal(disk.records.length, 0)
})

test('a point that comes again is stored once; without a time of its own each is stored', async (t) => {
  const { url, disk } = await startFront(t)
  for (let i = 0; i < 3; i++) {
    assert.equal((await fetch(`${url}${osmand}`)).status, 200)
    assert.equal((await post(`${url}/v1/track/owntracks`, place)).status, 200)
  }
  assert.equal(disk.records.length, 2)
  for (let i = 0; i < 2; i++) {
    assert.equal((await fetch(`${url}/v1/track/osmand?id=van-7&lat=1&lon=2`)).status, 200)
  }
  assert.equal(disk.records.length, 4)
})

test('equal points of two trackers are two records', async (t) => {
  const { url, disk } = await startFront(t)
  for (const device of ['phone', 'watch']) {
    await post(`${url}/v1/track/owntracks?u=jane&d=${device}`, place)
  }
  assert.equal(disk.records.length, 2)
})

test('the token may be a Bearer, the password of Basic, or in the query, and is in no record', async (t) => {
  const { url, store, disk } = await startFront(t, { mode: 'devices' })
  const token = await newDevice(url, store)
  await fetch(`${url}${osmand}&token=${token}`).then(ok)
  await fetch(`${url}${osmand}1`, { headers: basic('anybody', token) }).then(ok)
  await fetch(`${url}${osmand}2`, { headers: { authorization: `Bearer ${token}` } }).then(ok)
  await post(`${url}/v1/track/owntracks`, place, basic('jane', token)).then(ok)
  assert.equal(disk.records.length, 4)
  assert.ok(disk.records.every((one) => !one.data.includes(token)))
})

test('without a right token nothing is stored: 401, of OwnTracks 503 so that it keeps the point', async (t) => {
  const { url, disk } = await startFront(t, { mode: 'devices' })
  for (const bad of ['', '&token=', '&token=wrong']) {
    const answer = await fetch(`${url}${osmand}${bad}`)
    assert.equal(answer.status, 401)
    assert.doesNotMatch(await answer.text(), /wrong"/)
  }
  for (const headers of [{}, basic('jane', 'wrong')]) {
    const answer = await post(`${url}/v1/track/owntracks`, place, headers)
    assert.equal(answer.status, 503)
    assert.match(await answer.text(), /token/)
  }
  assert.equal(disk.records.length, 0)
})

test('with ids: device a token is good for trackers of its device alone', async (t) => {
  const { url, store, disk } = await startFront(t, { mode: 'devices', trackers: { ids: 'device' } })
  const token = await newDevice(url, store)
  await fetch(`${url}${osmand}&token=${token}`).then(ok)
  const other = await fetch(`${url}${osmand.replace('van-7', 'van-77')}&token=${token}`)
  assert.equal(other.status, 403)
  assert.match(await other.text(), /van-77/)
  await post(`${url}/v1/track/owntracks?u=van-7&d=phone`, place, basic('van-7', token)).then(ok)
  assert.deepEqual(
    disk.records.map((one) => one.key),
    ['van-7', 'van-7/phone']
  )
})

test('a device that is throttled: 429 to OsmAnd, 503 to OwnTracks, with the time to wait', async (t) => {
  const { url, sharding } = await startFront(t)
  sharding.refusal = new HeadwaterError('throttled', 'the shard is full')
  const answers = [await fetch(`${url}${osmand}`), await post(`${url}/v1/track/owntracks`, place)]
  assert.deepEqual(
    answers.map((one) => one.status),
    [429, 503]
  )
  for (const answer of answers) assert.ok(Number(answer.headers.get('retry-after')) >= 1)
})

test('a request without a tracker is refused; with a token it is of its device', async (t) => {
  const open = await startFront(t)
  for (const query of ['', '?lat=1&lon=2', '?id=']) {
    const answer = await fetch(`${open.url}/v1/track/osmand${query}`)
    assert.equal(answer.status, 400)
    assert.match(await answer.text(), /"id"|\\"id\\"/)
  }
  const closed = await startFront(t, { mode: 'devices' })
  const token = await newDevice(closed.url, closed.store)
  await fetch(`${closed.url}/v1/track/osmand?lat=1&lon=2&token=${token}`).then(ok)
  assert.equal(closed.disk.records[0]?.key, 'van-7')
})

test('a stream that is not there: 404 names it, and OwnTracks keeps the point', async (t) => {
  const { url } = await startFront(t, { trackers: { stream: 'nowhere' } })
  assert.equal((await fetch(`${url}${osmand}`)).status, 404)
  const answer = await post(`${url}/v1/track/owntracks`, place)
  assert.equal(answer.status, 503)
  assert.match(await answer.text(), /nowhere/)
})

test('what no app sends is refused as it is', async (t) => {
  const { url } = await startFront(t)
  for (const path of ['osmand', 'owntracks']) {
    const answer = await post(`${url}/v1/track/${path}`, 'no JSON')
    assert.equal(answer.status, 400)
    assert.match(await answer.text(), /JSON/)
  }
})

test('a picture in a page of another site is not a point', async (t) => {
  const { port, disk } = await startFront(t)
  const lines = [
    `GET ${osmand} HTTP/1.1`,
    `Host: localhost:${port}`,
    'Sec-Fetch-Site: cross-site',
    'Connection: close'
  ]
  assert.match(await talk(port, `${lines.join('\r\n')}\r\n\r\n`), /^HTTP\/1\.1 403 /)
  assert.equal(disk.records.length, 0)
})

test('a port for OsmAnd takes points on any path and serves nothing else', async (t) => {
  const { url, disk } = await startFront(t, {
    listener: { host: '127.0.0.1', port: 0, only: 'osmand' }
  })
  await fetch(`${url}/?id=1&lat=1&lon=2`).then(ok)
  await fetch(`${url}?id=2&lat=1&lon=2`, { method: 'POST' }).then(ok)
  await fetch(`${url}/some/path?id=3&lat=1&lon=2`).then(ok)
  assert.equal((await fetch(`${url}/v1/streams`)).status, 400)
  assert.equal((await fetch(`${url}/v1/streams/telemetry`, { method: 'DELETE' })).status, 404)
  assert.deepEqual(
    disk.records.map((one) => one.key),
    ['1', '2', '3']
  )
})

/** The token of `van-7`, when the front knows it: it looks at the store now and then. */
async function newDevice(url: string, store: DeviceStore): Promise<string> {
  const token = await store.add('van-7')
  const isUnknown = async () => {
    const answer = await post(`${url}/v1/track/owntracks`, '', basic('van-7', token))
    await answer.text()
    return answer.status !== 200
  }
  while (await isUnknown()) await new Promise((resolve) => setTimeout(resolve, 20))
  return token
}

async function ok(answer: Response): Promise<void> {
  assert.equal(answer.status, 200, await answer.text())
}
