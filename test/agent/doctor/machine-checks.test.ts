import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadAgentConfig } from '../../../agent/config.ts'
import { checkClock } from '../../../agent/doctor/check-clock.ts'
import { mountFinding, spaceFinding } from '../../../agent/doctor/check-disk.ts'
import { checkProcess, nodeFinding } from '../../../agent/doctor/check-process.ts'
import { mountOf } from '../../../agent/doctor/mount.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { fakeMachine, nowMs } from './fake-machine.ts'

test('the mount of a path is the one with the longest point, the last of equals', () => {
  const mountinfo = [
    '22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro',
    '23 22 0:5 / /var rw - btrfs /dev/sdb rw',
    '24 22 0:6 / /var/lib/head\\040water rw,noatime - vfat /dev/sdc ro,sync',
    '25 22 0:7 / /var ro - xfs /dev/sdd rw'
  ].join('\n')
  const typeOf = (path: string) => mountOf(path, mountinfo)?.type
  assert.equal(typeOf('/home/x'), 'ext4')
  assert.equal(typeOf('/variable'), 'ext4')
  assert.equal(typeOf('/var/lib'), 'xfs')
  assert.equal(typeOf('/var/lib/head water/agent'), 'vfat')
  assert.ok(mountOf('/var/lib/head water', mountinfo)?.options.includes('ro'))
  assert.equal(mountOf('/x', ''), undefined)
})

test('mounts that lose or lock badly are told', () => {
  const levelOf = (type: string, ...options: string[]) =>
    mountFinding({ point: '/d', type, options }).level
  assert.equal(levelOf('ext4', 'rw', 'relatime'), 'OK')
  assert.equal(levelOf('ext4', 'ro'), 'FAIL')
  assert.equal(levelOf('tmpfs', 'rw'), 'WARN')
  assert.equal(levelOf('nfs4', 'rw'), 'WARN')
  assert.equal(levelOf('ext4', 'rw', 'nobarrier'), 'WARN')
})

test('room is judged by what the buffer may take and what it leaves', async () => {
  const value = (path: string[], text: string) => ({ path, value: text, flag: '' })
  const config = await loadAgentConfig({
    flags: [
      value(['to'], 'http://g'),
      value(['sources', 'a', 'metrics'], '1s'),
      value(['buffer', 'cap'], '100 MiB'),
      value(['buffer', 'freeDiskFloor'], '50 MiB')
    ],
    env: {}
  })
  const levelOf = (freeMib: number) =>
    spaceFinding({ freeBytes: freeMib * 1024 ** 2, diskBytes: 1000 * 1024 ** 2 }, config).level
  assert.deepEqual([50, 51, 149, 150].map(levelOf), ['FAIL', 'WARN', 'WARN', 'OK'])
})

test('Node.js below the floor is told', () => {
  const levels = ['v18.20.0', 'v20.18.9', 'v20.19.3', 'v20.19.4', 'v20.20.0', 'v24.0.0'].map(
    (version) => nodeFinding(version).level
  )
  assert.deepEqual(levels, ['WARN', 'WARN', 'WARN', 'OK', 'OK', 'OK'])
})

test('few open files are told with the number', async (t) => {
  const limits = 'Max processes  5  5  processes\nMax open files            256   4096    files\n'
  const findings = await checkProcess(await fakeMachine(t, { 'proc/7/limits': limits }), 7)
  assert.deepEqual(findings[1]?.level, 'WARN')
  assert.match(findings[1]?.what ?? '', /^256 open files/)
})

test('a clock that was never set, one that nothing keeps, and one that NTP keeps', async (t) => {
  const bare = await fakeMachine(t)
  const early = await checkClock({ ...bare, clock: new ManualClock(86_400_000) })
  assert.deepEqual(
    early.map(({ level }) => level),
    ['FAIL', 'OK']
  )
  assert.match(early[0]?.what ?? '', /1970-01-02/)
  assert.equal((await checkClock(bare))[0]?.level, 'WARN')
  const kept = await fakeMachine(t, {
    'run/systemd/timesync/synchronized': '',
    'sys/class/rtc/rtc0/since_epoch': String(nowMs / 1000)
  })
  const [sync, hardware] = await checkClock(kept)
  assert.equal(sync?.level, 'OK')
  assert.match(hardware?.what ?? '', /^a hardware clock keeps/)
})
