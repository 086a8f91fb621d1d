import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Ask } from '../../../agent/clock/evidence.ts'
import { loadAgentConfig } from '../../../agent/config.ts'
import { userOf } from '../../../agent/doctor/agent-user.ts'
import { checkInputs } from '../../../agent/doctor/check-inputs.ts'
import { obstacle } from '../../../agent/doctor/may-read.ts'
import { cleanUp } from '../../support/cleanup.ts'
import { freePort } from '../../support/programs.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { fakeMachine } from './fake-machine.ts'

/** proc(5) of a user without rights of its own. */
const stranger = [
  'Name:\tnode',
  'Uid:\t4242\t4242\t4242\t4242',
  'Gid:\t4242\t4242\t4242\t4242',
  'Groups:\t4 4242',
  'CapEff:\t0000000000000000'
].join('\n')

const strangers = {
  'proc/self/status': stranger,
  'etc/passwd': `root:x:0:0::/:\nheadwater:x:4242:4242::/:\nme:x:${process.getuid?.()}:0::/:`,
  'etc/group': `adm:x:4:\nlogs:x:${process.getgid?.()}:`
}

async function check(t: TestContext, source: object, ask?: Ask) {
  const machine = await fakeMachine(t, strangers, ask)
  const flags = [
    { path: ['to'], value: 'http://g', flag: '' },
    { path: ['sources', 'it'], value: source, flag: '' }
  ]
  const config = await loadAgentConfig({ flags, env: {} })
  const it = config.sources['it']
  assert.ok(it)
  const user = await userOf(machine, 'self')
  return checkInputs({ source: it, user, machine }, new AbortController().signal)
}

async function logFile(t: TestContext, mode: number): Promise<string> {
  const folder = await tempDir(t)
  await chmod(folder, 0o755)
  const path = join(folder, 'app.log')
  await writeFile(path, '')
  await chmod(path, mode)
  return path
}

test('a user is known by name, groups, and whether it reads everything', async (t) => {
  const machine = await fakeMachine(t, {
    ...strangers,
    'proc/7/status': stranger.replace(/CapEff:.*/, 'CapEff:\t000001ffffffffff')
  })
  assert.deepEqual(await userOf(machine, 'self'), {
    ...{ name: 'headwater', uid: 4242, gids: [4242, 4, 4242], readsAll: false }
  })
  assert.equal((await userOf(machine, 7)).readsAll, true)
})

test('a closed file is told with its owner, and the group that may read it', async (t) => {
  const machine = await fakeMachine(t, strangers)
  const user = await userOf(machine, 'self')
  assert.equal(await obstacle(await logFile(t, 0o644), user, machine), undefined)
  const closed = await logFile(t, 0o600)
  const owned = await obstacle(closed, { ...user, uid: process.getuid?.() ?? -1 }, machine)
  assert.equal(owned, undefined)
  const [finding] = await check(t, { tail: closed })
  assert.equal(finding?.level, 'FAIL')
  assert.match(finding?.what ?? '', /app\.log \(\w+:\w+ 0600\) is closed to headwater$/)
  assert.match(finding?.todo ?? '', /setfacl/)
})

test('a closed directory on the way is what is told', async (t) => {
  const root = await tempDir(t)
  await chmod(root, 0o755)
  const folder = join(root, 'closed')
  await mkdir(folder)
  await writeFile(join(folder, 'a.log'), '')
  await chmod(folder, 0o700)
  const [finding] = await check(t, { tail: join(folder, 'a.log') })
  assert.match(finding?.what ?? '', /\/closed \(/)
})

test('files that can be read are counted without what is excluded; none is a warning', async (t) => {
  const path = await logFile(t, 0o644)
  await writeFile(`${path}.gz`, '')
  const [found] = await check(t, { tail: `${path}*` })
  assert.deepEqual([found?.level, found?.what], ['OK', '1 file can be read by headwater'])
  for (const tail of [`${path}.none*`, `${path}.none`, [`${path}.none`, '/none/at/all']]) {
    const [none] = await check(t, { tail })
    assert.equal(none?.level, 'WARN')
  }
})

test('many closed files are told as a number', async (t) => {
  const folder = await tempDir(t)
  await chmod(folder, 0o755)
  for (let i = 0; i < 8; i++) await writeFile(join(folder, `${i}.log`), '', { mode: 0o600 })
  const findings = await check(t, { tail: join(folder, '*.log') })
  assert.equal(findings.length, 6)
  assert.match(findings.at(-1)?.what ?? '', /^3 more files/)
})

test('a device that is not plugged in is a warning', async (t) => {
  const [finding] = await check(t, { serial: '/dev/ttyHEADWATER' })
  assert.equal(finding?.level, 'WARN')
  assert.match(finding?.what ?? '', /ttyHEADWATER is not there/)
})

test('gpsd that answers, and one that does not', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  cleanUp(t, () => server.close())
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  assert.equal((await check(t, { gps: `gpsd://127.0.0.1:${port}` }))[0]?.level, 'OK')
  const [refused] = await check(t, { gps: `tcp://127.0.0.1:${await freePort()}` })
  assert.equal(refused?.level, 'FAIL')
  assert.match(refused?.what ?? '', /ECONNREFUSED/)
})

test('the journal is asked for one entry', async (t) => {
  const journal = { journald: true }
  const levelOf = async (ask?: Ask) => (await check(t, journal, ask))[0]?.level
  assert.equal(await levelOf(async () => '{"MESSAGE":"x"}\n'), 'OK')
  assert.equal(await levelOf(async () => ''), 'WARN')
  assert.equal(await levelOf(), 'FAIL')
})

test('of a source that listens there is nothing to say', async (t) => {
  assert.deepEqual(await check(t, { metrics: '10s' }), [])
})
