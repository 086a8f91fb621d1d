import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { remoteConfigCommand } from '../../../gateway/commands/config.ts'
import { RemoteConfigs } from '../../../gateway/remote-config/remote-configs.ts'
import { verifyConfig } from '../../../shared/signed-config.ts'
import { FakeTerminal } from '../../support/fake-terminal.ts'
import { tempDir } from '../../support/temp-dir.ts'

async function setup(t: TestContext) {
  const terminal = new FakeTerminal()
  const directory = await tempDir(t)
  const dataDir = join(directory, 'data')
  const path = (name: string) => join(directory, name)
  const run = (...args: string[]) =>
    terminal.run([remoteConfigCommand(terminal)], ['config', ...args])
  const atGateway = (...args: string[]) => run(...args, '--data-dir', dataDir)
  await writeFile(path('agent.yaml'), 'log: { level: debug }\n')
  assert.equal(await run('keygen', '--out', path('key')), 0, terminal.err)
  const publicKey = terminal.out.trim()
  /** Signs `agent.yaml` into the file `signed`. */
  const sign = async (...args: string[]) => {
    assert.equal(
      await run('sign', '--key', path('key'), ...args, path('agent.yaml')),
      0,
      terminal.err
    )
    await writeFile(path('signed'), terminal.out)
  }
  return { terminal, path, run, atGateway, publicKey, sign, configs: new RemoteConfigs(dataDir) }
}

test('a key is made once, its private half readable by its owner alone', async (t) => {
  const { run, path, publicKey, terminal } = await setup(t)
  assert.match(publicKey, /^ed25519:[\w-]{43}$/)
  assert.equal((await stat(path('key'))).mode & 0o777, 0o600)
  const key = await readFile(path('key'), 'utf8')
  assert.equal(await run('keygen', '--out', path('key')), 2)
  assert.match(terminal.err, /or exists/)
  assert.equal(await readFile(path('key'), 'utf8'), key)
})

test('what is signed is set for its target, and shown', async (t) => {
  const { atGateway, path, sign, publicKey, terminal } = await setup(t)
  await sign('--group', 'vans', '--revision', '3')
  const { version, target, config } = verifyConfig(terminal.out, [publicKey])
  assert.deepEqual([version, target, config], [3, 'group/vans', 'log: { level: debug }\n'])
  assert.equal(await atGateway('set', path('signed')), 0, terminal.err)
  assert.equal(terminal.out, 'version 3 is set for group/vans\n')
  await sign('--all')
  assert.equal(await atGateway('set', path('signed')), 0, terminal.err)
  assert.equal(await atGateway('list'), 0)
  assert.match(
    terminal.out,
    /^FOR +VERSION +KEY +BYTES\nall +\d{10} +[0-9a-f]{16} +22\ngroup\/vans +3 +[0-9a-f]{16} +22\n$/
  )
  assert.equal(await atGateway('list', '--json'), 0)
  assert.equal(JSON.parse(terminal.out)[1].target, 'group/vans')
})

test('a version that is not higher is refused for the same target alone', async (t) => {
  const { atGateway, path, sign, terminal } = await setup(t)
  for (const [revision, code] of [
    ['5', 0],
    ['5', 1],
    ['4', 1],
    ['6', 0]
  ] as const) {
    await sign('--device', 'pi', '--revision', revision)
    assert.equal(await atGateway('set', path('signed')), code, terminal.err)
  }
  await sign('--device', 'pi-2', '--revision', '1')
  assert.equal(await atGateway('set', path('signed')), 0)
})

test('what cannot be right is not signed, nor set', async (t) => {
  const { run, atGateway, path, terminal } = await setup(t)
  const key = ['--key', path('key')]
  assert.equal(await run('sign', ...key, path('agent.yaml')), 2)
  assert.match(terminal.err, /--device NAME, --group NAME or --all/)
  assert.equal(await run('sign', ...key, '--all', '--device', 'a', path('agent.yaml')), 2)
  assert.equal(await run('sign', ...key, '--device', 'a/b', path('agent.yaml')), 1)
  await writeFile(path('agent.yaml'), 'a: [\n')
  assert.equal(await run('sign', ...key, '--all', path('agent.yaml')), 2)
  assert.match(terminal.err, /agent\.yaml: .*line 2/)
  await writeFile(path('agent.yaml'), 'just text\n')
  assert.equal(await run('sign', ...key, '--all', path('agent.yaml')), 2)
  assert.equal(await atGateway('set', path('agent.yaml')), 1)
  assert.equal(await atGateway('set', path('missing')), 2)
})

test('the status shows every device in a line, and one device with the whole reason', async (t) => {
  const { atGateway, configs, terminal } = await setup(t)
  assert.equal(await atGateway('status'), 0)
  const at = '2024-01-01T00:00:00.000Z'
  await configs.report('pi-1', { state: 'applied', version: 7, inForce: 7, at })
  await configs.report('pi-2', { state: 'rejected', version: 8, error: 'line one\nline two', at })
  assert.equal(await atGateway('status'), 0)
  assert.match(
    terminal.out,
    /^DEVICE +STATE +VERSION +IN FORCE +SINCE +REASON\npi-1 +applied +7 +7 +2024.*\npi-2 +rejected +8 +own file +2024\S+ +line one\n$/
  )
  assert.equal(await atGateway('status', 'pi-2'), 0)
  assert.match(terminal.out, /\nline one\nline two\n$/)
  assert.equal(await atGateway('status', '--json'), 0)
  assert.deepEqual(JSON.parse(terminal.out)[0], {
    device: 'pi-1',
    state: 'applied',
    version: 7,
    inForce: 7,
    at
  })
  assert.equal(await atGateway('status', 'pi-3'), 1)
})
