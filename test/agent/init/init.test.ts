import assert from 'node:assert/strict'
import { lstat, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parse } from 'yaml'
import { agentConfigSpec } from '../../../agent/commands/config-spec.ts'
import { initCommand, surroundingsOf } from '../../../agent/commands/init.ts'
import { draftOf } from '../../../agent/init/draft.ts'
import { type Survey, survey } from '../../../agent/init/survey.ts'
import { checkCommand } from '../../../shared/config/config-command.ts'
import { FakeTerminal } from '../../support/fake-terminal.ts'
import { tempDir } from '../../support/temp-dir.ts'

/** A Raspberry Pi with everything. */
const everything = [
  'run/systemd/system/x',
  'run/gpsd.sock',
  'run/docker.sock',
  'var/log/journal/0123/system.journal',
  'var/log/syslog',
  'var/log/nginx/access.log',
  'var/log/nginx/error.log',
  'var/log/apt/history.log',
  'var/log/empty/readme',
  'sys/bus/w1/devices/28-00000a1b2c3d/w1_slave',
  'sys/bus/w1/devices/28-00000a1b2c3e/w1_slave',
  'sys/class/thermal/thermal_zone0/temp'
]

async function machine(t: TestContext, paths: readonly string[]): Promise<string> {
  const root = await tempDir(t)
  for (const path of paths) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), '')
  }
  return root
}

async function setup(t: TestContext, paths: readonly string[] = everything) {
  const root = await machine(t, paths)
  const terminal = new FakeTerminal()
  const output = join(await tempDir(t), 'agent.yaml')
  const init = (...args: string[]) =>
    terminal.run([initCommand(terminal, root)], ['init', '--output', output, ...args])
  const check = () =>
    terminal.run([checkCommand(agentConfigSpec, terminal)], ['check', '--config', output])
  return { root, terminal, output, init, check }
}

test('what a machine has becomes a configuration that check accepts', async (t) => {
  const { terminal, output, init, check } = await setup(t)
  assert.equal(await init('--to', 'https://gw.example:8080', '--device', 'pi'), 0, terminal.err)
  assert.match(terminal.out, /sensors +2 1-wire thermometers, 1 thermal zone\n/)
  assert.match(terminal.out, /next: headwater-agent run --config .*agent\.yaml\n$/)
  const text = await readFile(output, 'utf8')
  const { device, to, dataDir, sources } = parse(text)
  assert.deepEqual([device, to], ['pi', 'https://gw.example:8080'])
  assert.equal(dataDir, join(dirname(output), 'headwater-data/agent'))
  assert.deepEqual(Object.keys(sources), ['host', 'journal', 'logs', 'position', 'sensors'])
  assert.deepEqual(sources.logs.tail, ['/var/log/nginx/*.log'])
  assert.equal(sources.position.gps, 'gpsd')
  assert.ok(text.trimEnd().split('\n').length <= 15)
  assert.equal(await check(), 0, terminal.err)
})

test('a machine with nothing reports itself', async (t) => {
  const { terminal, output, init, check } = await setup(t, [])
  assert.equal(await init(), 0, terminal.err)
  assert.deepEqual(parse(await readFile(output, 'utf8')).sources, { host: { metrics: '60s' } })
  assert.equal(await check(), 0, terminal.err)
})

test('without a journal the logs of the system are followed', async (t) => {
  const { logs, hasJournal } = await survey(
    await machine(t, ['var/log/syslog', 'var/log/auth.log', 'var/log/journal/0123/system.journal'])
  )
  assert.equal(hasJournal, false)
  assert.deepEqual(logs, ['/var/log/auth.log', '/var/log/syslog'])
})

test('a receiver on USB is found by its name', async (t) => {
  const link = 'dev/serial/by-id/usb-u-blox_AG_u-blox_7_GPS-if00'
  assert.equal((await survey(await machine(t, [link]))).gps, `/${link}`)
})

test('a file that is there stays unless it is forced, and a bad address leaves nothing', async (t) => {
  const { terminal, output, init } = await setup(t)
  assert.equal(await init('--to', 'ftp://a'), 2)
  assert.match(terminal.err, /^--to: must be a URL/)
  assert.deepEqual(await readdir(dirname(output)), [])
  assert.equal(await init('--device', 'a b'), 2)
  assert.match(terminal.err, /^--device: must be 1 to 128 characters/)
  await writeFile(output, 'mine')
  assert.equal(await init(), 2)
  assert.match(terminal.err, /is there already/)
  assert.equal(await readFile(output, 'utf8'), 'mine')
  assert.equal(await init('--force'), 0)
  assert.match(await readFile(output, 'utf8'), /^# Every other key/)
})

test('only sources that this agent has are written, and odd names stay texts', () => {
  const found: Survey = {
    ...{ model: undefined, hasJournal: true, gps: 'gpsd', sensors: [], hasDocker: false },
    logs: ['/var/log/a b, c/*.log', '/var/log/${X}/*.log']
  }
  const options = {
    device: '1e3',
    to: 'http://127.0.0.1:8080',
    dataDir: '/data',
    token: './token',
    kinds: ['metrics', 'tail']
  }
  const { device, sources } = parse(draftOf(found, options))
  assert.equal(device, '1e3')
  assert.deepEqual(Object.keys(sources), ['host', 'logs'])
  assert.deepEqual(sources.logs.tail, ['/var/log/a b, c/*.log', '/var/log/$${X}/*.log'])
})

test('the configuration of the package gets the places and the start of the package', () => {
  const { dataDir, token, start } = surroundingsOf('/etc/headwater/agent.yaml')
  assert.equal(dataDir, '/var/lib/headwater-agent')
  assert.match(start, /systemctl/)
  const found = { model: undefined, hasJournal: false, gps: undefined, hasDocker: false }
  const options = { device: 'pi', to: 'https://gw.example', dataDir, token, kinds: ['metrics'] }
  const text = draftOf({ ...found, logs: [], sensors: [] }, options)
  const { token: written } = parse(text.replace('# token:', 'token:'))
  assert.deepEqual(written, { file: '${CREDENTIALS_DIRECTORY}/agent.token' })
})

test('a file that cannot be replaced stays as it was, and nothing is left beside it', async (t) => {
  const { output, init, terminal } = await setup(t)
  await mkdir(`${output}.new`)
  await writeFile(output, 'device: mine\n')
  assert.equal(await init('--force'), 2)
  assert.match(terminal.err, /--output: .* cannot be written/)
  assert.equal(await readFile(output, 'utf8'), 'device: mine\n')
})

test('a file that is forced through a link is written where the link leads', async (t) => {
  const { output, init, check } = await setup(t)
  const real = join(dirname(output), 'real.yaml')
  await writeFile(real, 'device: mine\n')
  await symlink(real, output)
  assert.equal(await init('--force'), 0)
  assert.equal(await check(), 0)
  assert.ok((await lstat(output)).isSymbolicLink())
  assert.deepEqual((await readdir(dirname(output))).toSorted(), ['agent.yaml', 'real.yaml'])
})
