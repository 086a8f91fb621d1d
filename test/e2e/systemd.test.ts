import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { BootedMachine } from '../support/booted-machine.ts'
import { assertLinesOnceInOrder } from '../support/oracle.ts'
import { lacking, packageOf } from '../support/packages.ts'
import { eventually, type ReadRecord, textOf } from '../support/programs.ts'
import { numberedLines } from '../support/scenario.ts'

const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64'
const agentDeb = packageOf('agent', architecture)
const gatewayDeb = packageOf('gateway', architecture)
const skip =
  lacking('systemd-nspawn', 'nsenter', 'flock', 'pgrep', 'dpkg', 'deb-systemd-helper', 'logger') ||
  (process.getuid?.() !== 0 && 'only root can boot a machine') ||
  ((!agentDeb || !gatewayDeb) && 'run `npm run package` first')

const log = '/var/log/app/app.log'
const token = '/etc/headwater/agent.token'

const gatewayYaml = `dataDir: /var/lib/headwater-gateway
http: 127.0.0.1:8080
mqtt: 127.0.0.1:1883
kinesis: off
auth: devices
streams:
  telemetry: { shards: 1 }
`

const agentYaml = `to: mqtt://127.0.0.1:1883
device: pi
token: { file: "\${CREDENTIALS_DIRECTORY}/agent.token" }
dataDir: /var/lib/headwater-agent
sources:
  app: { tail: ${log}, from: start }
  journal: { journald: true, identifiers: [probe], from: start }
`

/** A machine on which both packages are installed and work, as the guide has it. */
async function setup(t: TestContext): Promise<BootedMachine> {
  const machine = await BootedMachine.create(t)
  await machine.boot()
  await machine.run('dpkg', '--install', agentDeb ?? '', gatewayDeb ?? '')
  await machine.write('/etc/headwater/gateway.yaml', gatewayYaml)
  await machine.run('systemctl', 'start', 'headwater-gateway')
  const [first = ''] = (await add(machine, 'pi')).split('\n')
  await machine.write(token, `${first}\n`)
  await machine.write('/etc/headwater/agent.yaml', agentYaml)
  await machine.write(log, numberedLines(100))
  await machine.run('systemctl', 'start', 'headwater-agent')
  return machine
}

function add(machine: BootedMachine, device: string): Promise<string> {
  const command = ['headwater-gateway', 'devices', 'add', device]
  const config = ['--config', '/etc/headwater/gateway.yaml']
  return machine.run('runuser', '-u', 'headwater-gateway', '--', ...command, ...config)
}

async function readAll(machine: BootedMachine): Promise<ReadRecord[]> {
  const from = ['--from', 'start', '--token-file', token]
  const output = await machine.run('headwater-stream', 'read', 'telemetry', ...from)
  const lines = output.split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as ReadRecord)
}

/** Waits until the stream has this last line, and gives what came from the log and the journal. */
async function arrived(machine: BootedMachine, lastLine: number) {
  const [last] = numberedLines(1, lastLine).split('\n')
  return eventually(`line ${lastLine} arrives`, async () => {
    const records = await readAll(machine)
    const isEntry = (record: ReadRecord) => textOf(record).startsWith('{')
    const logged = records.filter((record) => !isEntry(record))
    const entries = records.filter(isEntry).map((one) => JSON.parse(textOf(one)).MESSAGE as string)
    return logged.some((record) => textOf(record) === last) ? { logged, entries } : undefined
  })
}

function assertLogged(logged: readonly ReadRecord[], count: number): void {
  assertLinesOnceInOrder(logged, numberedLines(count).split('\n').slice(0, -1))
}

async function property(machine: BootedMachine, unit: string, name: string): Promise<string> {
  return (await machine.run('systemctl', 'show', unit, `--property=${name}`, '--value')).trim()
}

async function restarted(machine: BootedMachine, unit: string, times: number): Promise<void> {
  await eventually(`${unit} is restarted`, async () => {
    const [restarts, state] = [
      await property(machine, unit, 'NRestarts'),
      await property(machine, unit, 'ActiveState')
    ]
    return (restarts === String(times) && state === 'active') || undefined
  })
}

test('on a booted machine nothing is lost or doubled when programs die or hang and the power fails', {
  skip
}, async (t) => {
  const machine = await setup(t)
  await machine.run('logger', '--tag=probe', 'one')
  await machine.run('systemctl', 'kill', '--signal=KILL', 'headwater-agent', 'headwater-gateway')
  await machine.append(log, numberedLines(100, 101))
  await machine.run('logger', '--tag=probe', 'two')
  await restarted(machine, 'headwater-agent', 1)
  await restarted(machine, 'headwater-gateway', 1)
  await machine.append(log, numberedLines(100, 201))
  await machine.run('logger', '--tag=probe', 'three')
  await machine.run('journalctl', '--sync')
  await machine.cutPower()

  const dropIn = '/etc/systemd/system/headwater-agent.service.d/watchdog.conf'
  await machine.write(dropIn, '[Service]\nWatchdogSec=6\n')
  await machine.boot()
  await machine.append(log, numberedLines(100, 301))
  await machine.run('systemctl', 'kill', '--signal=STOP', '--kill-who=main', 'headwater-agent')
  await restarted(machine, 'headwater-agent', 1)
  await machine.run('logger', '--tag=probe', 'four')
  await machine.append(log, numberedLines(100, 401))

  const { logged, entries } = await arrived(machine, 500)
  assertLogged(logged, 500)
  assert.deepEqual(entries, ['one', 'two', 'three', 'four'])
})

test('the agent runs as a user of its own, who alone has its token and its data', {
  skip
}, async (t) => {
  const machine = await setup(t)
  const pid = await property(machine, 'headwater-agent', 'MainPID')
  const status = await machine.run('cat', `/proc/${pid}/status`)
  assert.match(status, /^CapBnd:\t0+$/m)
  assert.match(status, /^Seccomp:\t2$/m)
  const [, user = ''] = /^Uid:\t(\d+)/m.exec(status) ?? []
  assert.ok(Number(user) >= 61_184 && Number(user) <= 65_519, `dynamic: ${user}`)
  const paths = [
    '/run/credentials/headwater-agent.service/agent.token',
    '/var/lib/private/headwater-agent'
  ]
  const owners = await machine.run('stat', '--format=%u %a', ...paths)
  assert.equal(owners, `${user} 400\n${user} 700\n`)
  await machine.run('headwater-agent', 'doctor', '--config', '/etc/headwater/agent.yaml')
})

test('a mistake fails the reload, an upgrade sends what waits, a removal keeps it, a purge leaves nothing', {
  skip
}, async (t) => {
  const machine = await setup(t)
  const pid = await property(machine, 'headwater-agent', 'MainPID')
  await machine.append('/etc/headwater/agent.yaml', 'sauces: {}\n')
  await assert.rejects(machine.run('systemctl', 'reload', 'headwater-agent'))
  assert.match(await machine.run('journalctl', '--unit=headwater-agent'), /sauces: unknown key/)
  await machine.write('/etc/headwater/agent.yaml', agentYaml)
  await machine.run('systemctl', 'reload', 'headwater-agent')
  assert.equal(await property(machine, 'headwater-agent', 'MainPID'), pid)

  await machine.run('systemctl', 'stop', 'headwater-gateway')
  await machine.append(log, numberedLines(100, 101))
  await machine.run('dpkg', '--install', agentDeb ?? '', gatewayDeb ?? '')
  assertLogged((await arrived(machine, 200)).logged, 200)

  await machine.run('dpkg', '--remove', 'headwater-agent', 'headwater-gateway')
  await machine.append(log, numberedLines(100, 201))
  await machine.run('dpkg', '--install', agentDeb ?? '', gatewayDeb ?? '')
  assertLogged((await arrived(machine, 300)).logged, 300)

  await machine.run('dpkg', '--purge', 'headwater-agent', 'headwater-gateway')
  const units = await machine.run('systemctl', 'list-units', '--all', '--plain')
  assert.doesNotMatch(units, /headwater/)
  for (const path of [
    '/etc/headwater',
    '/var/lib/private/headwater-agent',
    '/var/lib/headwater-gateway'
  ]) {
    assert.equal(existsSync(machine.path(path)), false, path)
  }
})
