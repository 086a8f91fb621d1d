import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import { DeviceStore } from '../../../gateway/admission/device-store.ts'
import { systemClock } from '../../../shared/clock.ts'
import { systemRandom } from '../../../shared/random.ts'
import { tempDir } from '../../support/temp-dir.ts'

async function setup(t: TestContext) {
  const directory = await tempDir(t)
  const open = () => new DeviceStore(directory, { clock: systemClock, random: systemRandom })
  return { store: open(), open }
}

test('a token has 32 random bytes and only its hash is kept, in a file for its owner alone', async (t) => {
  const { store } = await setup(t)
  const token = await store.add('pi-1', { streams: ['telemetry'], admin: true })
  assert.equal(Buffer.from(token, 'base64url').length, 32)
  const text = await readFile(store.path, 'utf8')
  assert.ok(!text.includes(token))
  assert.equal((await stat(store.path)).mode & 0o777, 0o600)
  const [device] = await store.list()
  assert.equal(device?.tokenSha256, createHash('sha256').update(token).digest('hex'))
  assert.deepEqual([device?.streams, device?.admin], [['telemetry'], true])
})

test('another process sees what was added and revoked', async (t) => {
  const { store, open } = await setup(t)
  await store.add('pi-1')
  await store.add('pi-2')
  await open().revoke('pi-1')
  const devices = await open().list()
  assert.deepEqual(
    devices.map((one) => [one.device, one.revoked !== undefined]),
    [
      ['pi-1', true],
      ['pi-2', false]
    ]
  )
})

test('a device that exists is a conflict; once revoked it can get a new token', async (t) => {
  const { store } = await setup(t)
  const first = await store.add('pi-1')
  await assert.rejects(store.add('pi-1'), { code: 'conflict' })
  await store.revoke('pi-1')
  await store.revoke('pi-1')
  assert.notEqual(await store.add('pi-1'), first)
  assert.equal((await store.list()).length, 1)
})

test('bad names and unknown devices are refused', async (t) => {
  const { store } = await setup(t)
  await assert.rejects(store.add('a/b'), { code: 'invalid', message: /device/ })
  await assert.rejects(store.add('anonymous'), { code: 'invalid' })
  await assert.rejects(store.add('pi-1', { streams: ['a b'] }), { code: 'invalid' })
  await assert.rejects(store.revoke('pi-1'), { code: 'not_found' })
  assert.deepEqual(await store.list(), [])
})

test('devices added by many processes at once are all there', async (t) => {
  const { open } = await setup(t)
  const names = Array.from({ length: 12 }, (_, i) => `pi-${i}`)
  await Promise.all(names.map((name) => open().add(name)))
  const kept = await open().list()
  assert.deepEqual(kept.map((one) => one.device).sort(), names.sort())
})

test('a lock left by a killed process is broken', async (t) => {
  const { store } = await setup(t)
  await store.add('pi-1')
  await writeFile(`${store.path}.lock`, '')
  let nowMs = 0
  // Time runs with each look at the lock, so that the test does not wait.
  const clock = {
    wallMs: () => nowMs,
    monoMs: () => nowMs,
    sleep: async () => {
      nowMs += 500
    }
  }
  const directory = store.path.replace(/\/devices\.json$/, '')
  await new DeviceStore(directory, { clock, random: systemRandom }).add('pi-2')
  assert.equal((await store.list()).length, 2)
  assert.ok(nowMs >= 3000)
})

test('a file that cannot be understood is named and never overwritten', async (t) => {
  const { store } = await setup(t)
  for (const [text, code, message] of [
    ['{"version":1,"devices":[{', 'config', /devices\.json/],
    ['{"version":1,"devices":[{"device":"a","tokenSha256":"x"}]}', 'config', /tokenSha256/],
    ['{"version":1,"devices":{}}', 'config', /devices/],
    ['{"version":3,"devices":[]}', 'store_too_new', /version 3/]
  ] as const) {
    await writeFile(store.path, text)
    await assert.rejects(store.list(), { code, message })
    await assert.rejects(store.add('pi-1'), { code, message })
    assert.equal(await readFile(store.path, 'utf8'), text)
  }
})
