import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import {
  makeConfigKeys,
  signConfig,
  signedConfigType,
  type Target
} from '../../../../shared/signed-config.ts'
import { startFront } from './fixture.ts'

const keys = makeConfigKeys()
const signed = (target: Target, version = 1) =>
  signConfig({ version, target, config: `# for ${target}\n` }, keys.privateKey)

async function setup(t: TestContext, mode: 'off' | 'devices' = 'off') {
  const front = await startFront(t, { mode })
  const get = async (device: string, query = '', headers: Record<string, string> = {}) => {
    const response = await fetch(`${front.url}/v1/devices/${device}/config${query}`, { headers })
    return { response, text: await response.text() }
  }
  const put = async (device: string, body: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(`${front.url}/v1/devices/${device}/config/status`, {
      method: 'PUT',
      headers,
      body: JSON.stringify(body)
    })
    return { status: response.status, text: await response.text() }
  }
  return { ...front, get, put }
}

test('a device gets its own configuration, else that of its group, else that for all', async (t) => {
  const { configs, get } = await setup(t)
  assert.equal((await get('pi-1', '?group=vans')).response.status, 204)
  for (const target of ['all', 'group/vans', 'device/pi-1'] as const) {
    await configs.set(signed(target))
    const { response, text } = await get('pi-1', '?group=vans')
    assert.equal(text, signed(target))
    assert.equal(response.headers.get('content-type'), signedConfigType)
  }
  assert.equal((await get('pi-2', '?group=vans')).text, signed('group/vans'))
  assert.equal((await get('pi-2')).text, signed('all'))
})

test('what the device has already is not sent again', async (t) => {
  const { configs, get } = await setup(t)
  await configs.set(signed('all'))
  const etag = (await get('pi-1')).response.headers.get('etag') ?? ''
  const again = await get('pi-1', '', { 'if-none-match': etag })
  assert.deepEqual([again.response.status, again.text], [304, ''])
  await configs.set(signed('all', 2))
  assert.equal((await get('pi-1', '', { 'if-none-match': etag })).text, signed('all', 2))
})

test('a device sees and reports for itself alone', async (t) => {
  const { configs, store, get, put } = await setup(t, 'devices')
  const authorization = `Bearer ${await store.add('pi-1')}`
  await configs.set(signed('all'))
  assert.equal((await get('pi-1')).response.status, 401)
  while ((await get('pi-1', '', { authorization })).response.status !== 200) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.equal((await get('pi-2', '', { authorization })).response.status, 403)
  const report = { state: 'applied', version: 1, at: 'now' }
  assert.equal((await put('pi-1', report)).status, 401)
  assert.equal((await put('pi-2', report, { authorization })).status, 403)
  assert.equal((await put('pi-1', report, { authorization })).status, 204)
  assert.deepEqual([...(await configs.statuses()).keys()], ['pi-1'])
})

test('a device is given the configuration of a group only when it was added to that', async (t) => {
  const { configs, store, get } = await setup(t, 'devices')
  for (const target of ['all', 'group/vans', 'group/boats', 'device/pi-2'] as const) {
    await configs.set(signed(target))
  }
  const token = {
    'pi-0': await store.add('pi-0'),
    'pi-1': await store.add('pi-1', { groups: ['vans', 'cars'] }),
    'pi-2': await store.add('pi-2', { admin: true })
  }
  const ask = async (device: keyof typeof token, query: string) => {
    const headers = { authorization: `Bearer ${token[device]}` }
    const { response, text } = await get(device, query, headers)
    return response.status === 200 ? text : response.status
  }
  while ((await ask('pi-2', '')) === 401) await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(await ask('pi-1', '?group=vans'), signed('group/vans'))
  assert.equal(await ask('pi-1', '?group=cars'), signed('all'))
  assert.equal(await ask('pi-1', '?group=boats'), 403)
  assert.equal(await ask('pi-1', '?group=none'), 403)
  assert.equal(await ask('pi-0', '?group=vans'), 403)
  assert.equal(await ask('pi-0', ''), signed('all'))
  assert.equal(await ask('pi-2', '?group=vans'), 403, 'an administrator too')
  const headers = { authorization: `Bearer ${token['pi-0']}` }
  const { text } = await get('pi-0', '?group=vans', headers)
  assert.match(text, /pi-0.*not in group.*vans.*devices add --group/)
})

test('a report is checked, bounded and replaces the one before', async (t) => {
  const { configs, put } = await setup(t)
  for (const wrong of [
    null,
    {},
    { state: 'fine', at: 'now' },
    { state: 'applied', version: -1, at: '' }
  ]) {
    assert.equal((await put('pi-1', wrong)).status, 400, JSON.stringify(wrong))
  }
  assert.match((await put('pi-1', { state: 'fine' })).text, /must be trying or applied/)
  assert.equal(
    (await put('pi-1', { state: 'rejected', at: 'then', error: 'x'.repeat(20_000) })).status,
    204
  )
  assert.equal((await configs.statuses()).get('pi-1')?.error?.length, 8192)
  await put('pi-1', { state: 'applied', version: 2, inForce: 2, at: 'now', more: 1 })
  assert.deepEqual((await configs.statuses()).get('pi-1'), {
    state: 'applied',
    version: 2,
    inForce: 2,
    at: 'now'
  })
})

test('a name that is none reaches no file', async (t) => {
  const { get, put } = await setup(t)
  const away = encodeURIComponent('../devices')
  assert.equal((await get(away)).response.status, 400)
  assert.equal((await get('pi-1', `?group=${away}`)).response.status, 400)
  assert.equal((await put(away, { state: 'applied', at: 'now' })).status, 400)
})
