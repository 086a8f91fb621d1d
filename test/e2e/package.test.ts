import assert from 'node:assert/strict'
import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { access, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { cleanUp } from '../support/cleanup.ts'
import { assertLinesOnceInOrder } from '../support/oracle.ts'
import { lacking, packageOf, root } from '../support/packages.ts'
import { eventually, freePort, type ReadRecord } from '../support/programs.ts'
import { numberedLines, Scenario } from '../support/scenario.ts'
import { tempDir } from '../support/temp-dir.ts'

const run = promisify(execFile)
const armLibraries = '/usr/aarch64-linux-gnu'
const lines = (text: string) => text.split('\n').slice(0, -1)

/** The command that `/usr/bin/<name>` runs, for a package that was unpacked into `folder`. */
async function commandOf(folder: string, name: string): Promise<string[]> {
  const launcher = await readFile(join(folder, 'usr/bin', name), 'utf8')
  const words = /^exec (.*) "\$@"$/m.exec(launcher)?.[1]?.split(' ') ?? []
  return words.map((word) => (word.startsWith('/usr/lib/') ? join(folder, word) : word))
}

async function unpack(t: TestContext, file: string): Promise<string> {
  const folder = await tempDir(t)
  await run('dpkg-deb', ['-x', file, folder])
  return folder
}

async function call(words: readonly string[], args: readonly string[]): Promise<string> {
  const [file = '', ...first] = words
  return (await run(file, [...first, ...args], { maxBuffer: 2 ** 26 })).stdout
}

for (const program of ['agent', 'gateway']) {
  const unit = join(root, `scripts/package/debian/${program}/headwater-${program}.service`)
  const skip = lacking('systemd-analyze')
  test(`the unit of the ${program} is exposed by 2.0 at most`, { skip }, async () => {
    await run('systemd-analyze', ['security', '--offline=true', '--threshold=20', unit])
  })

  const deb = packageOf(program, 'amd64')
  const example = join(root, `scripts/package/debian/${program}/${program}.yaml.example`)
  const notBuilt = !deb && 'run `npm run package` first'
  test(`the packaged ${program} accepts its example configuration`, {
    skip: notBuilt
  }, async (t) => {
    const command = await commandOf(await unpack(t, deb ?? ''), `headwater-${program}`)
    assert.match(await call(command, ['check', '--config', example]), /dataDir: \/var\/lib/)
  })
}

{
  const agentDeb = packageOf('agent', 'amd64')
  const gatewayDeb = packageOf('gateway', 'amd64')
  const skip = (!agentDeb || !gatewayDeb) && 'run `npm run package` first'
  test('records go from the packaged agent through the packaged gateway to the packaged reader', {
    skip
  }, async (t) => {
    const [agent, gateway] = [await unpack(t, agentDeb ?? ''), await unpack(t, gatewayDeb ?? '')]
    const url = await startGateway(t, await commandOf(gateway, 'headwater-gateway'))
    const folder = await tempDir(t)
    const log = join(folder, 'app.log')
    await writeFile(log, numberedLines(2000))
    await call(await commandOf(agent, 'headwater-agent'), [
      ...['run', '--tail', log, '--once', '--to', url, '--health', 'off'],
      ...['--data-dir', join(folder, 'buffer')]
    ])
    const reader = await commandOf(gateway, 'headwater-stream')
    const output = await call(reader, ['read', 'telemetry', '--from', 'start', '--gateway', url])
    const records = lines(output).map((line) => JSON.parse(line) as ReadRecord)
    assertLinesOnceInOrder(records, lines(numberedLines(2000)))
  })
}

{
  const deb = packageOf('agent', 'arm64')
  const skip =
    lacking('qemu-aarch64-static') ||
    (!existsSync(armLibraries) && 'libc6-arm64-cross not installed') ||
    (!deb && 'run `npm run package -- deb arm64` first')
  test('the agent of the arm64 package delivers records', { skip }, async (t) => {
    const scenario = await Scenario.create(t)
    await scenario.startGateway()
    const log = await scenario.file('app.log', numberedLines(1000))
    const command = await commandOf(await unpack(t, deb ?? ''), 'headwater-agent')
    await call(
      ['qemu-aarch64-static', '-L', armLibraries, ...command],
      [
        ...['run', '--tail', log, '--once', '--to', scenario.url, '--health', 'off'],
        ...['--data-dir', scenario.path('buffer')]
      ]
    )
    const response = await fetch(`${scenario.url}/v1/streams/telemetry/records?from=start`)
    const records = lines(await response.text()).map((line) => JSON.parse(line) as ReadRecord)
    assertLinesOnceInOrder(records, lines(numberedLines(1000)))
  })
}

for (const program of ['agent', 'gateway']) {
  const deb = packageOf(program, 'amd64')
  const skip =
    lacking('dpkg', 'deb-systemd-helper', 'systemd-sysusers') ||
    (process.getuid?.() !== 0 && 'only root can install') ||
    (!deb && 'run `npm run package` first')
  test(`configuration and data of the ${program} outlive an upgrade and a removal, not a purge`, {
    skip
  }, async (t) => {
    const system = await emptySystem(t)
    const name = `headwater-${program}`
    const config = join(system, `etc/headwater/${program}.yaml`)
    const data = join(system, program === 'agent' ? `var/lib/private/${name}` : `var/lib/${name}`)
    const wanted = join(system, `etc/systemd/system/multi-user.target.wants/${name}.service`)

    await dpkg(system, ['--install', deb ?? ''])
    assert.equal(existsSync(config), false)
    await access(`${config}.example`)
    assert.ok(isLink(wanted), 'enabled')
    if (program === 'agent') {
      const { mode } = await stat(join(system, 'etc/headwater/agent.token'))
      assert.equal(mode & 0o777, 0o600)
    } else {
      assert.match(await readFile(join(system, 'etc/passwd'), 'utf8'), /^headwater-gateway:/m)
    }

    await writeFile(config, '# mine\n')
    await mkdir(data, { recursive: true })
    await writeFile(join(data, 'kept'), '')
    await dpkg(system, ['--install', deb ?? ''])
    await dpkg(system, ['--remove', name])
    assert.equal(await readFile(config, 'utf8'), '# mine\n')
    await access(join(data, 'kept'))
    assert.equal(existsSync(join(system, 'usr/lib', name)), false)

    await dpkg(system, ['--purge', name])
    for (const path of [config, data, join(system, 'etc/headwater')]) {
      assert.equal(existsSync(path), false, path)
    }
    assert.equal(isLink(wanted), false)
  })
}

/** Its URL, once it is ready; it ends with the test. */
async function startGateway(t: TestContext, command: readonly string[]): Promise<string> {
  const [http, folder] = [`127.0.0.1:${await freePort()}`, await tempDir(t)]
  const [file = '', ...first] = command
  const args = ['run', '--data-dir', folder, '--http', http, '--mqtt', 'off', '--kinesis', 'off']
  const child = spawn(file, [...first, ...args], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  cleanUp(t, async () => {
    child.kill('SIGKILL')
    await ended
  })
  await eventually('gateway ready', async () => {
    const { ok } = await fetch(`http://${http}/readyz`)
    return ok ? true : undefined
  })
  return `http://${http}`
}

/** A folder that dpkg takes for a machine on which nothing is installed. */
async function emptySystem(t: TestContext): Promise<string> {
  const system = await tempDir(t)
  for (const folder of ['var/lib/dpkg/info', 'var/lib/dpkg/updates', 'etc', 'usr']) {
    await mkdir(join(system, folder), { recursive: true })
  }
  await writeFile(join(system, 'var/lib/dpkg/status'), '')
  return system
}

/** The scripts of the package run here, and are told in DPKG_ROOT what to change. */
async function dpkg(system: string, args: readonly string[]): Promise<void> {
  const forced = ['--force-script-chrootless', '--force-depends', '--force-unsafe-io']
  await run('dpkg', [`--root=${system}`, ...forced, '--log=/dev/null', ...args])
}

/** Also one that leads nowhere from here. */
function isLink(path: string): boolean {
  return spawnSync('test', ['-L', path]).status === 0
}
