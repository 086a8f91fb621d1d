import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type AuthMode, Authenticator } from '../../../gateway/admission/authenticator.ts'
import { DeviceStore } from '../../../gateway/admission/device-store.ts'
import { systemClock } from '../../../shared/clock.ts'
import { createLog } from '../../../shared/log.ts'
import { systemRandom } from '../../../shared/random.ts'
import { cleanUp } from '../../support/cleanup.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { tempDir } from '../../support/temp-dir.ts'

async function setup(t: TestContext, mode: AuthMode = 'devices') {
  const store = new DeviceStore(await tempDir(t), { clock: systemClock, random: systemRandom })
  const clock = new ManualClock()
  const log = createLog('test', 'silent')
  const errors: unknown[] = []
  log.error = (fields: unknown) => errors.push(fields)
  const authenticator = new Authenticator({ mode, store, maxGuests: 100, clock, log })
  cleanUp(t, () => authenticator.stop())
  /** Lets a second of the clock pass in steps, each when what it began is done. */
  const second = async () => {
    for (let i = 0; i < 10; i++) {
      await clock.advance(100)
      await clock.asleep(1)
    }
  }
  return { store, clock, authenticator, errors, second }
}

const unauthorized = { code: 'unauthorized' }

test('without authentication anybody on loopback may do everything, and nobody elsewhere anything', async (t) => {
  const { authenticator, store } = await setup(t, 'off')
  const token = await store.add('pi-1')
  await authenticator.start()
  const principal = await authenticator.authenticate({ loopback: true })
  assert.deepEqual([principal.device, principal.admin], [undefined, true])
  await assert.rejects(authenticator.authenticate({ loopback: false }), unauthorized)
  assert.equal((await authenticator.authenticate({ loopback: false, token })).device, 'pi-1')
})

test('a token is the device it was given to, with its rights', async (t) => {
  const { authenticator, store } = await setup(t)
  const token = await store.add('pi-1', { streams: ['a'] })
  const admin = await store.add('ops', { admin: true })
  await authenticator.start()
  for (const loopback of [true, false]) {
    const principal = await authenticator.authenticate({ token, loopback })
    assert.deepEqual([principal.device, principal.streams, principal.admin], ['pi-1', ['a'], false])
    assert.equal((await authenticator.authenticate({ token: admin, loopback })).admin, true)
  }
  assert.equal(
    (await authenticator.authenticate({ device: 'pi-1', token, loopback: false })).device,
    'pi-1'
  )
})

test('no token, a wrong one, and the token of another device are unauthorized', async (t) => {
  const { authenticator, store } = await setup(t)
  const token = await store.add('pi-1')
  await store.add('pi-2')
  await authenticator.start()
  for (const credentials of [
    {},
    { token: '' },
    { token: `${token}x` },
    { token: 'x'.repeat(10_000) },
    { device: 'pi-2', token },
    { device: 'pi-3', token },
    { device: '__proto__', token },
    { device: 'pi-1' }
  ]) {
    await assert.rejects(
      authenticator.authenticate({ ...credentials, loopback: true }),
      unauthorized
    )
  }
})

test('a revoked token is refused within a second, and its connections are told', async (t) => {
  const { authenticator, store, second } = await setup(t)
  const token = await store.add('pi-1')
  const other = await store.add('pi-2')
  await authenticator.start()
  const revoked = await authenticator.authenticate({ token, loopback: true })
  const kept = await authenticator.authenticate({ token: other, loopback: true })
  await store.revoke('pi-1')
  await second()
  await assert.rejects(authenticator.authenticate({ token, loopback: true }), unauthorized)
  assert.deepEqual([revoked.revoked.aborted, kept.revoked.aborted], [true, false])
  assert.equal(await authenticator.authenticate({ token: other, loopback: true }), kept)
})

test('an added device is known within a second, also the first one', async (t) => {
  const { authenticator, store, second } = await setup(t)
  await authenticator.start()
  const token = await store.add('pi-1')
  await second()
  assert.equal((await authenticator.authenticate({ token, loopback: true })).device, 'pi-1')
})

test('a store that becomes unreadable or goes leaves the policy in force and is reported once', async (t) => {
  const { authenticator, store, errors, second } = await setup(t)
  const token = await store.add('pi-1')
  await authenticator.start()
  await writeFile(store.path, '{"version":1,')
  await second()
  await second()
  assert.equal((await authenticator.authenticate({ token, loopback: true })).device, 'pi-1')
  assert.equal(errors.length, 1)
  await rm(store.path)
  await second()
  assert.equal((await authenticator.authenticate({ token, loopback: true })).device, 'pi-1')
  assert.equal(errors.length, 2)
})

test('a store that could not be read is read again, also when the file stays as it is', async (t) => {
  const { authenticator, store, errors, second } = await setup(t)
  await authenticator.start()
  const list = store.list.bind(store)
  let broken = true
  store.list = async () => {
    if (broken) throw new Error('too many open files')
    return list()
  }
  const token = await new DeviceStore(dirname(store.path), {
    clock: systemClock,
    random: systemRandom
  }).add('pi-1')
  await second()
  await assert.rejects(authenticator.authenticate({ token, loopback: true }), unauthorized)
  broken = false
  await second()
  assert.equal((await authenticator.authenticate({ token, loopback: true })).device, 'pi-1')
  assert.equal(errors.length, 1)
})

test('a store that cannot be understood at the start is an error', async (t) => {
  const { authenticator, store } = await setup(t)
  await writeFile(store.path, 'no json')
  await assert.rejects(authenticator.start(), { code: 'config', message: /devices\.json/ })
})
