import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gatewayCheckSpec } from '../../../gateway/commands/config-spec.ts'
import { devicesCommand } from '../../../gateway/commands/devices.ts'
import { checkCommand } from '../../../shared/config/config-command.ts'
import { FakeTerminal } from '../../support/fake-terminal.ts'
import { tempDir } from '../../support/temp-dir.ts'

async function setup(t: TestContext) {
  const terminal = new FakeTerminal()
  const dataDir = join(await tempDir(t), 'data')
  const run = (...args: string[]) =>
    terminal.run(
      [checkCommand(gatewayCheckSpec, terminal), devicesCommand(terminal)],
      [...args, '--data-dir', dataDir]
    )
  return { terminal, run, dataDir }
}

test('every flag goes to its key', async (t) => {
  const { terminal, run, dataDir } = await setup(t)
  const flags = [
    '--http',
    'localhost:1',
    '--mqtt',
    'off',
    '--stream',
    'a:7',
    '--stream',
    'b',
    '--auth',
    'devices'
  ]
  assert.equal(await run('check', '--json', ...flags), 0, terminal.err)
  const config = JSON.parse(terminal.out)
  assert.deepEqual(
    [config.dataDir, config.http, config.mqtt, config.auth],
    [dataDir, 'localhost:1', 'off', 'devices']
  )
  assert.deepEqual([config.streams.a.shards, config.streams.b.shards], [7, 4])
  assert.equal(await run('check', '--stream', 'a:many'), 2)
  assert.match(terminal.err, /^--stream: must be a whole number, not "many"/)
})

test('a device is added with a token that is shown once, listed, and revoked', async (t) => {
  const { terminal, run, dataDir } = await setup(t)
  assert.equal(
    await run('devices', 'add', 'pi', '--stream', 'telemetry', '--group', 'vans'),
    0,
    terminal.err
  )
  const [token = ''] = terminal.out.split('\n')
  assert.match(token, /^[\w-]{43}$/)
  assert.doesNotMatch(await readFile(join(dataDir, 'devices.json'), 'utf8'), new RegExp(token))
  assert.equal(await run('devices', 'add', 'boss', '--admin', '--json'), 0)
  assert.equal(JSON.parse(terminal.out).device, 'boss')
  assert.equal(await run('devices', 'revoke', 'pi'), 0)
  assert.equal(await run('devices', 'list'), 0)
  assert.match(
    terminal.out,
    /^DEVICE +STATE +STREAMS +GROUPS +CREATED +LAST SEEN\npi +revoked +telemetry +vans +20.* -\nboss +admin +all +none/
  )
  assert.equal(await run('devices', 'list', '--json'), 0)
  assert.deepEqual(
    JSON.parse(terminal.out).map((one: { device: string }) => one.device),
    ['pi', 'boss']
  )
})

test('a device that exists, or that there is not, is named and exits with 1', async (t) => {
  const { terminal, run } = await setup(t)
  assert.equal(await run('devices', 'add', 'pi'), 0)
  assert.equal(await run('devices', 'add', 'pi'), 1)
  assert.match(terminal.err, /"pi" exists/)
  assert.equal(await run('devices', 'revoke', 'absent'), 1)
  assert.match(terminal.err, /absent/)
  assert.equal(await run('devices', 'add'), 2)
  assert.match(terminal.err, /missing required argument 'name'/)
})

test('check refuses certificates that a gateway could not serve with', async (t) => {
  const { terminal, run, dataDir } = await setup(t)
  const file = `${dataDir}.yaml`
  await writeFile(file, 'tls: { cert: { file: absent.pem }, key: { file: absent.key } }\n')
  assert.equal(await run('check', '--config', file), 2)
  assert.match(terminal.err, /tls\.cert: .*absent\.pem cannot be read/)
})
