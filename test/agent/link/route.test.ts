import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { interfaceTo } from '../../../agent/link/route.ts'
import { tempDir } from '../../support/temp-dir.ts'

const head = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n'
const wlan = 'wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n'
const wwan = 'wwan0\t00000000\t0100000A\t0003\t0\t0\t700\t00000000\t0\t0\t0\n'
const lan = 'eth1\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n'
const rejected = 'eth2\t00000000\t00000000\t0200\t0\t0\t0\t00000000\t0\t0\t0\n'
const zeros = '0'.repeat(32)
const loop6 = `${zeros} 00 ${zeros} 00 ${zeros} ffffffff 00000001 00000000 00200200       lo\n`
const wwan6 = `${zeros} 00 ${zeros} 00 fe80${'0'.repeat(28)} 00000400 00000001 00000000 00000003    wwan0\n`

async function proc(t: TestContext, route: string, route6 = ''): Promise<string> {
  const root = await tempDir(t)
  await mkdir(join(root, 'net'))
  await writeFile(join(root, 'net/route'), route)
  await writeFile(join(root, 'net/ipv6_route'), route6)
  return root
}

const cases: readonly [string, string, string, string | undefined][] = [
  ['the default route of the least metric', head + wwan + wlan, 'gw.example.com', 'wlan0'],
  ['what is left when the Wi-Fi is gone', head + wwan, 'gw.example.com', 'wwan0'],
  ['the nearer route to an address', head + wwan + lan, '192.168.1.20', 'eth1'],
  ['the default route to another address', head + wwan + lan, '192.168.2.20', 'wwan0'],
  ['a high address', head + wwan + lan, '203.0.113.9', 'wwan0'],
  ['a name, although one network is near', head + lan + wwan, 'gw.example.com', 'wwan0'],
  ['no route that is rejected', head + rejected, 'gw.example.com', undefined],
  ['no route at all', head, '203.0.113.9', undefined],
  ['this machine itself', head + wwan, '127.0.0.1', 'lo'],
  ['this machine by name', head + wwan, 'localhost', 'lo']
]

for (const [title, route, host, expected] of cases) {
  test(`the interface to the gateway: ${title}`, async (t) => {
    assert.equal(await interfaceTo(host, await proc(t, route, loop6)), expected)
  })
}

test('the interface to the gateway: IPv6 where there is no IPv4', async (t) => {
  assert.equal(await interfaceTo('gw.example.com', await proc(t, head, loop6 + wwan6)), 'wwan0')
})

test('without proc nothing is known', async (t) => {
  assert.equal(await interfaceTo('gw.example.com', join(await tempDir(t), 'none')), undefined)
})
