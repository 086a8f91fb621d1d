import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { withCredentials } from '../../../agent/commands/agent-place.ts'
import { agentConfigSpec } from '../../../agent/commands/config-spec.ts'
import { sourceLoaders } from '../../../agent/sources/index.ts'
import { checkCommand } from '../../../shared/config/config-command.ts'
import { cleanUp } from '../../support/cleanup.ts'
import { FakeTerminal } from '../../support/fake-terminal.ts'
import { tempDir } from '../../support/temp-dir.ts'

const packaged = join(
  repositoryAbove(fileURLToPath(import.meta.url)),
  'scripts/package/debian/agent'
)

function repositoryAbove(path: string): string {
  return existsSync(join(path, 'package-lock.json')) ? path : repositoryAbove(dirname(path))
}

function setup(env: Readonly<Record<string, string | undefined>> = {}) {
  const terminal = new FakeTerminal(env)
  const check = (...args: string[]) =>
    terminal.run([checkCommand(agentConfigSpec, terminal)], ['check', ...args])
  return { terminal, check }
}

test('every flag goes to its key', async () => {
  const { terminal, check } = setup()
  const code = await check(
    ...['--data-dir', '/d', '--device', 'pi', '--to', 'http://a', '--to', 'mqtt://b'],
    ...['--token-file', '/t', '--stream', 's', '--format', 'json', '--gzip', '--once'],
    ...['--tail', '/a/*.log', '--tail', '/b', '--stdin', '--metrics', '--health', 'off', '--json']
  )
  assert.equal(code, 0, terminal.err)
  const config = JSON.parse(terminal.out)
  assert.deepEqual(
    [config.dataDir, config.device, config.to, config.token, config.stream, config.format],
    ['/d', 'pi', ['http://a', 'mqtt://b'], { file: '/t' }, 's', 'json']
  )
  assert.deepEqual([config.gzip, config.once, config.health.listen], [true, true, 'off'])
  const { tail, stdin, metrics } = config.sources
  assert.deepEqual([tail.tail, stdin.stdin, metrics.metrics], [['/a/*.log', '/b'], true, '1m'])
})

test('what check prints is a file that gives the same configuration', async (t) => {
  const { terminal, check } = setup()
  assert.equal(await check('--to', 'http://a', '--metrics', '5s', '--tail', '/x'), 0)
  const printed = terminal.out
  const file = join(await tempDir(t), 'agent.yaml')
  await writeFile(file, printed)
  assert.equal(await check('--config', file), 0, terminal.err)
  assert.equal(terminal.out, printed)
})

test('flags override the file, and secrets of the environment are not printed', async (t) => {
  const { terminal, check } = setup({ TOKEN: 'open sesame' })
  const file = join(await tempDir(t), 'agent.yaml')
  await writeFile(
    file,
    'device: a\nto: http://a\ntoken: ${TOKEN}\nsources: { m: { metrics: 5s } }\n'
  )
  assert.equal(await check('--config', file, '--device', 'b'), 0, terminal.err)
  assert.deepEqual([parse(terminal.out).device, parse(terminal.out).token], ['b', '***'])
})

test('wrong use and wrong config exit with 2 and say what is wrong', async () => {
  const { terminal, check } = setup()
  assert.equal(await check('--to', 'ftp://a', '--metrics'), 2)
  assert.match(terminal.err, /^--to: must be a URL of http/)
  assert.equal(await check('--metrics'), 2)
  assert.match(terminal.err, /^the command line: to: is missing/)
  assert.equal(await check('--config', '/does/not/exist.yaml'), 2)
  assert.match(terminal.err, /exist\.yaml: cannot be read/)
  assert.equal(await check('--metrix'), 2)
  assert.match(terminal.err, /unknown option '--metrix'[^]*--metrics/)
})

test('the schema for editors knows the sources', async () => {
  const { terminal, check } = setup()
  assert.equal(await check('--schema'), 0)
  const { properties } = JSON.parse(terminal.out)
  const required = properties.sources.additionalProperties.anyOf.map(
    (one: { required: string[] }) => one.required[0]
  )
  assert.deepEqual(required, Object.keys(sourceLoaders))
})

test('the configuration of the package is understood outside of its unit', async (t) => {
  const example = await readFile(join(packaged, 'agent.yaml.example'), 'utf8')
  const config = join(await tempDir(t), 'agent.yaml')
  await writeFile(config, example.replace('# token:', 'token:'))
  const { terminal, check } = setup(withCredentials({}))
  assert.equal(await check('--config', config, '--json'), 0, terminal.err)
  assert.deepEqual(JSON.parse(terminal.out).token, { file: '/etc/headwater/agent.token' })
})

test('every credential of the unit has the name of its file beside the configuration', async () => {
  const unit = await readFile(join(packaged, 'headwater-agent.service'), 'utf8')
  const credentials = [...unit.matchAll(/^LoadCredential=([^:]+):(.+)$/gm)]
  assert.ok(credentials.length > 0)
  for (const [, name = '', path = ''] of credentials) {
    assert.deepEqual([dirname(path), basename(path)], ['/etc/headwater', name])
  }
})

test('without any flags it takes agent.yaml of the working directory', async (t) => {
  const here = process.cwd()
  process.chdir(await tempDir(t))
  cleanUp(t, () => process.chdir(here))
  await writeFile('agent.yaml', 'device: pi\nto: http://a\nsources: { host: { metrics: 5s } }\n')
  const { terminal, check } = setup()
  assert.equal(await check('--json'), 0, terminal.err)
  assert.equal(JSON.parse(terminal.out).device, 'pi')
  assert.equal(await check('--to', 'http://b', '--stdin', '--json'), 0, terminal.err)
  assert.deepEqual(Object.keys(JSON.parse(terminal.out).sources), ['stdin'])
})
