import assert from 'node:assert/strict'
import { request } from 'node:http'
import { test } from 'node:test'
import { eventually } from '../../../support/programs.ts'
import { startFront } from './fixture.ts'

interface Ask {
  readonly method?: string
  readonly path?: string
  readonly headers?: Record<string, string>
}

/** With node:http, because fetch does not let a test choose Host and Origin. */
function status(port: number, { method = 'GET', path = '/v1/streams', headers = {} }: Ask) {
  return new Promise<number>((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', method, path, headers }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    asked.on('error', reject)
    asked.end(method === 'POST' ? 'a record' : undefined)
  })
}

const write = { method: 'POST', path: '/v1/streams/telemetry/records' }
const remote = { 'x-forwarded-for': '203.0.113.7' }

test('without authentication loopback may write, read and administer', async (t) => {
  const { port } = await startFront(t)
  assert.equal(await status(port, write), 200)
  assert.equal(await status(port, {}), 200)
})

test('with authentication only a device’s token writes; the answer asks for Bearer', async (t) => {
  const { records, store, gate } = await startFront(t, { mode: 'devices' })
  const post = (authorization?: string) =>
    fetch(records, {
      method: 'POST',
      body: 'a',
      headers: authorization === undefined ? {} : { authorization }
    })
  const none = await post()
  assert.deepEqual([none.status, none.headers.get('www-authenticate')], [401, 'Bearer'])
  assert.match(await none.text(), /"code":"unauthorized"/)
  assert.equal((await post('Bearer wrong')).status, 401)
  assert.equal((await post('Basic cGk6dG9rZW4=')).status, 401)
  const token = await store.add('pi-1')
  while ((await post(`Bearer ${token}`)).status !== 200) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.equal(gate.stats().storedRecords, 1)
  await store.revoke('pi-1')
  while ((await post(`Bearer ${token}`)).status !== 401) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
})

test('a request that came through a proxy is not from loopback', async (t) => {
  const { port } = await startFront(t)
  for (const name of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via']) {
    const headers = { [name]: '203.0.113.7' }
    assert.equal(await status(port, { ...write, headers }), 401, name)
    assert.equal(await status(port, { headers }), 401, name)
  }
})

test('away from loopback reading and administration need a device with that right', async (t) => {
  const { port, store } = await startFront(t, { mode: 'devices' })
  const tokens = [await store.add('pi-1'), await store.add('ops', { admin: true })]
  const [device, admin] = tokens.map((token) => ({ ...remote, authorization: `Bearer ${token}` }))
  assert.ok(device && admin)
  while ((await status(port, { headers: admin })) === 401) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.equal(await status(port, { headers: admin }), 200)
  assert.equal(await status(port, { headers: remote }), 401)
  for (const ask of [
    {},
    { path: '/metrics' },
    { path: '/' },
    { path: '/v1/streams/telemetry' },
    { path: '/v1/streams/telemetry/records' },
    { method: 'DELETE', path: '/v1/streams/telemetry' },
    { method: 'POST', path: '/v1/streams' },
    { method: 'POST', path: '/v1/streams/telemetry/split' },
    { method: 'POST', path: '/v1/streams/telemetry/merge' }
  ]) {
    assert.equal(await status(port, { ...ask, headers: device }), 403, JSON.stringify(ask))
    assert.equal(await status(port, { ...ask, headers: remote }), 401, JSON.stringify(ask))
  }
  assert.equal(await status(port, { ...write, headers: device }), 200)
})

test('a page in a browser on this machine gets nothing without a token', async (t) => {
  const { port } = await startFront(t)
  for (const headers of [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { host: 'rebound.evil.example:8080' },
    { host: 'rebound.evil.example:8080', origin: 'http://rebound.evil.example:8080' },
    { host: 'rebound.evil.example', authorization: 'Bearer made-up' }
  ]) {
    assert.equal(await status(port, { ...write, headers }), 403, JSON.stringify(headers))
    assert.equal(await status(port, { headers }), 403, JSON.stringify(headers))
  }
  for (const host of ['localhost:8080', '127.0.0.1', '[::1]:8080', 'raspberrypi', 'pi.local:1']) {
    assert.equal(await status(port, { ...write, headers: { host } }), 200, host)
    assert.equal(await status(port, { headers: { host, origin: `http://${host}` } }), 200, host)
  }
})

test('the account of a device is for operators and for the device itself', async (t) => {
  const { port, store, gate } = await startFront(t, { mode: 'devices' })
  const [own, other, admin] = [
    await store.add('pi-1'),
    await store.add('pi-2'),
    await store.add('ops', { admin: true })
  ]
  await eventually('the devices', async () => {
    await gate.authenticate({ token: admin, loopback: false })
    return true
  })
  const path = '/v1/devices/pi-1/ledger'
  const ask = (token: string) =>
    status(port, { path, headers: { ...remote, authorization: `Bearer ${token}` } })
  assert.equal(await ask(own), 404)
  const written = { ...write, headers: { ...remote, authorization: `Bearer ${own}` } }
  assert.equal(await status(port, written), 200)
  assert.deepEqual([await ask(own), await ask(other), await ask(admin)], [200, 403, 200])
  assert.equal(await status(port, { path }), 200)
  assert.equal(await status(port, { path, headers: remote }), 401)
  assert.equal((await gate.ledger('pi-1'))?.stored, 1)
})
