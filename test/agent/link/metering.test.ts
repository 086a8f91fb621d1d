import assert from 'node:assert/strict'
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Metering, type MeteredMode } from '../../../agent/link/metering.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { tempDir } from '../../support/temp-dir.ts'

const host = 'gw.example.com'

/** A machine whose default route is this interface, with a NetworkManager that says this. */
async function setup(
  t: TestContext,
  mode: MeteredMode,
  { device, says }: { readonly device: string; readonly says?: string | undefined }
) {
  const root = await tempDir(t)
  const nmcli = join(root, 'nmcli')
  const route = async (name: string): Promise<void> =>
    writeFile(
      join(root, 'net/route'),
      name && `Iface\tDestination\n${name}\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n`
    )
  const answer = (text: string): Promise<void> =>
    writeFile(nmcli, `#!/bin/sh\necho "$@" >> ${root}/calls\necho '${text}'\n`, { mode: 0o755 })
  await mkdir(join(root, 'net'))
  await appendFile(join(root, 'calls'), '')
  await route(device)
  if (says !== undefined) await answer(says)
  const clock = new ManualClock()
  const metering = new Metering({ mode, clock, procRoot: root, nmcli })
  const calls = async () => (await readFile(join(root, 'calls'), 'utf8')).split('\n').slice(0, -1)
  return { metering, clock, route, answer, calls }
}

const cases: readonly [MeteredMode, string, string | undefined, boolean][] = [
  [true, 'eth0', 'no', true],
  [false, 'wwan0', 'yes', false],
  ['auto', 'eth0', 'yes', true],
  ['auto', 'wlan0', 'yes (guessed)', true],
  ['auto', 'wwan0', 'no', false],
  ['auto', 'wlan0', 'no (guessed)', false],
  // A modem that shows itself as a network card.
  ['auto', 'usb0', 'no (guessed)', true],
  ['auto', 'ppp0', 'unknown', true],
  ['auto', 'eth0', '', false],
  ['auto', 'wwp0s20u4', undefined, true],
  ['auto', 'enp3s0', undefined, false],
  [{ interfaces: ['eth*'] }, 'eth1', 'no', true],
  [{ interfaces: ['eth*'] }, 'wwan0', 'yes', false],
  [{ interfaces: ['br.lan', 'x'] }, 'brxlan', undefined, false]
]

for (const [mode, device, says, metered] of cases) {
  const link = metered ? 'metered' : 'not metered'
  test(`metered: ${JSON.stringify(mode)} on ${device}, told ${says ?? 'nothing'}: ${link}`, async (t) => {
    const { metering } = await setup(t, mode, { device, says })
    await metering.look(host)
    assert.equal(metering.metered, metered)
  })
}

test('before the first look the link may be metered', async (t) => {
  const { metering } = await setup(t, 'auto', { device: 'eth0' })
  assert.equal(metering.metered, true)
})

test('NetworkManager is asked once a minute for the device of the route, sooner after a failure', async (t) => {
  const { metering, clock, answer, calls } = await setup(t, 'auto', { device: 'wlan0', says: 'no' })
  await Promise.all([metering.look(host), metering.look(host)])
  await clock.advance(59_999)
  await metering.look(host)
  assert.deepEqual(await calls(), ['-g GENERAL.METERED device show wlan0'])
  await answer('yes')
  metering.expire()
  await metering.look(host)
  assert.equal((await calls()).length, 2)
  assert.equal(metering.metered, true)
  metering.expire()
  await clock.advance(4999)
  await metering.look(host)
  assert.equal((await calls()).length, 2)
  await clock.advance(1)
  await metering.look(host)
  assert.equal((await calls()).length, 3)
})

test('without a route the last answer stands', async (t) => {
  const { metering, clock, route } = await setup(t, { interfaces: ['wwan*'] }, { device: 'eth0' })
  await metering.look(host)
  await route('')
  await clock.advance(60_000)
  await metering.look(host)
  assert.equal(metering.metered, false)
  await route('wwan0')
  await clock.advance(60_000)
  await metering.look(host)
  assert.equal(metering.metered, true)
})
