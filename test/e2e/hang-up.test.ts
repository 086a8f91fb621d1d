import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, open, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { eventually, Program } from '../support/programs.ts'
import { Scenario } from '../support/scenario.ts'
import { tempDir } from '../support/temp-dir.ts'

const run = promisify(execFile)
const root = repositoryAbove(fileURLToPath(import.meta.url))

function repositoryAbove(path: string): string {
  return existsSync(join(path, 'package-lock.json')) ? path : repositoryAbove(dirname(path))
}

for (const program of ['agent', 'gateway']) {
  test(`a SIGHUP while the ${program} is loaded does not end its run, but ends other commands`, async (t) => {
    const folder = await tempDir(t)
    const stub = join(folder, program, 'bin', `headwater-${program}.mjs`)
    await cp(join(root, program, 'bin', `headwater-${program}.mjs`), stub)
    const dist = join(folder, 'dist', program)
    await mkdir(dist, { recursive: true })
    const main = `process.kill(process.pid, 'SIGHUP')
setTimeout(() => console.log('alive'), 50)`
    await writeFile(join(dist, 'main.js'), main)
    const { stdout } = await run(process.execPath, [stub, 'run'])
    assert.equal(stdout, 'alive\n')
    await assert.rejects(run(process.execPath, [stub, 'check']), { signal: 'SIGHUP' })
  })
}

test('a SIGHUP while the configuration is read makes the agent read it again', async (t) => {
  const scenario = await Scenario.create(t)
  const text = (source: string) =>
    `to: http://127.0.0.1:9\ndataDir: ${scenario.path('data')}\nhealth: { listen: off }\nsources:\n  ${source}: { metrics: 60s }\n`
  // It reads as long as this pipe is open.
  const config = scenario.path('agent.yaml')
  await run('mkfifo', [config])
  const agent = new Program(t, 'agent', { args: ['run', '--config', config] })
  agent.start()
  const pipe = await open(config, 'w')
  agent.signal('SIGHUP')
  await rename(await scenario.file('new.yaml', text('later')), config)
  await pipe.writeFile(text('first'))
  await pipe.close()
  await eventually('the reload', async () =>
    agent.output.includes('configuration reloaded') ? true : undefined
  )
  const look = new Program(t, 'agent', {
    args: ['top', '--json', '--data-dir', scenario.path('data')]
  })
  look.start()
  assert.equal(await look.exit(), 0, look.output)
  assert.match(look.output, /"source": "later"/)
})
