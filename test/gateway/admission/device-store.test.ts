import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { execFile } from 'node:child_process'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { DeviceStore } from '../../../gateway/admission/device-store.ts'
import { systemClock } from '../../../shared/clock.ts'
import { FileLock } from '../../../shared/file-lock.ts'
import { systemRandom } from '../../../shared/random.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { tempDir } from '../../support/temp-dir.ts'

const moduleUrl = (path: string) =>
  JSON.stringify(new URL(`../../../${path}`, import.meta.url).href)

/** Adds four devices, whose names begin with the second argument, to the store in the first. */
const adder = `
  import { DeviceStore } from ${moduleUrl('gateway/admission/device-store.js')}
  import { systemClock as clock } from ${moduleUrl('shared/clock.js')}
  import { systemRandom as random } from ${moduleUrl('shared/random.js')}
  const store = new DeviceStore(process.argv[1], { clock, random })
  for (let i = 0; i < 4; i++) await store.add(process.argv[2] + '-' + i)`

async function setup(t: TestContext) {
  const directory = await tempDir(t)
  const open = () => new DeviceStore(directory, { clock: systemClock, random: systemRandom })
  return { store: open(), open }
}

test('a token has 32 random bytes and only its hash is kept, in a file for its owner alone', async (t) => {
  const { store } = await setup(t)
  const token = await store.add('pi-1', { streams: ['telemetry'], groups: ['vans'], admin: true })
  assert.equal(Buffer.from(token, 'base64url').length, 32)
  const text = await readFile(store.path, 'utf8')
  assert.ok(!text.includes(token))
  assert.equal((await stat(store.path)).mode & 0o777, 0o600)
  const [device] = await store.list()
  assert.equal(device?.tokenSha256, createHash('sha256').update(token).digest('hex'))
  assert.deepEqual(
    [device?.streams, device?.groups, device?.admin],
    [['telemetry'], ['vans'], true]
  )
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
  await assert.rejects(store.add('pi-1', { groups: ['a/b'] }), {
    code: 'invalid',
    message: /group/
  })
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

test('processes that add devices at the same time lose none', async (t) => {
  const { store } = await setup(t)
  const run = promisify(execFile)
  const programs = ['a', 'b', 'c'].map((name) =>
    run(process.execPath, ['--input-type=module', '-e', adder, dirname(store.path), name])
  )
  await Promise.all(programs)
  assert.equal((await store.list()).length, 12)
})

test('a change waits for another that takes half a minute, and keeps it', async (t) => {
  const { store } = await setup(t)
  const clock = new ManualClock()
  await store.add('pi-1')
  const slow = await FileLock.take(`${store.path}.lock`)
  const before = await readFile(store.path, 'utf8')
  const second = new DeviceStore(dirname(store.path), { clock, random: systemRandom })
  let settled = false
  const added = second.add('pi-3').finally(() => {
    settled = true
  })
  for (let i = 0; i < 30; i++) {
    await clock.advance(1000)
    await store.list()
  }
  assert.equal(settled, false)
  assert.equal(await readFile(store.path, 'utf8'), before)
  await writeFile(store.path, before.replace('pi-1', 'pi-2'))
  await slow.release()
  while (!settled) await clock.advance(20)
  await added
  const kept = await store.list()
  assert.deepEqual(
    kept.map((one) => one.device),
    ['pi-2', 'pi-3']
  )
})

test('a change that does not get the lock within a minute is refused, naming it', async (t) => {
  const { store } = await setup(t)
  await store.add('pi-1')
  const before = await readFile(store.path, 'utf8')
  const slow = await FileLock.take(`${store.path}.lock`)
  const clock = new ManualClock()
  const second = new DeviceStore(dirname(store.path), { clock, random: systemRandom })
  const refusal = assert.rejects(second.add('pi-2'), {
    code: 'store_locked',
    message: /devices\.json\.lock for 60 s/
  })
  let settled = false
  void refusal.finally(() => {
    settled = true
  })
  while (!settled) await clock.advance(1000)
  await refusal
  assert.ok(clock.monoMs() >= 60_000)
  assert.equal(await readFile(store.path, 'utf8'), before)
  await slow.release()
})

test('a file that cannot be understood is named and never overwritten', async (t) => {
  const { store } = await setup(t)
  for (const [text, code, message] of [
    ['{"version":1,"devices":[{', 'config', /devices\.json/],
    ['{"version":1,"devices":[{"device":"a","tokenSha256":"x"}]}', 'config', /tokenSha256/],
    ['{"version":1,"devices":{}}', 'config', /devices/],
    ['{"version":3,"devices":[{"device":"a","created":"x","groups":"vans"}]}', 'config', /groups/],
    ['{"version":4,"devices":[]}', 'store_too_new', /version 4/]
  ] as const) {
    await writeFile(store.path, text)
    await assert.rejects(store.list(), { code, message })
    await assert.rejects(store.add('pi-1'), { code, message })
    assert.equal(await readFile(store.path, 'utf8'), text)
  }
})
