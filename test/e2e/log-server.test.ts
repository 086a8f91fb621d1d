import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { cleanUp } from '../support/cleanup.ts'
import { assertLinesOnceInOrder } from '../support/oracle.ts'
import { eventually, type Program, readAll } from '../support/programs.ts'
import { Scenario } from '../support/scenario.ts'

const run = promisify(execFile)
const logrotate = '/usr/sbin/logrotate'
const skip =
  spawnSync(logrotate, ['--version']).status !== 0 && `${logrotate} is not installed (logrotate)`

const lines = 40_000
const perSecond = 4000
/** With `copytruncate` what is written between the copy and the truncation is in no file at all. */
const modes: Readonly<Record<string, { readonly directives: string; readonly holds?: true }>> = {
  create: { directives: 'create' },
  'create, compress': { directives: 'create\ncompress' },
  'create, delaycompress': { directives: 'create\ncompress\ndelaycompress' },
  'create, dateext': { directives: 'create\ncompress\ndateext\ndateformat -%Y%m%d-%s' },
  'create, olddir': { directives: 'create\nolddir old\ncreateolddir 700 root root' },
  nocreate: { directives: 'nocreate' },
  copytruncate: { directives: 'copytruncate', holds: true },
  'copytruncate, compress': { directives: 'copytruncate\ncompress', holds: true }
}

for (const [mode, { directives, holds }] of Object.entries(modes)) {
  test(`logrotate with ${mode}, under load and a kill -9: each line is read back once, in order, byte for byte`, {
    skip
  }, async (t) => {
    const scenario = await Scenario.create(t)
    await scenario.startGateway()
    await mkdir(scenario.path('log'))
    const log = scenario.path('log/app.log')
    const source = `sources: { app: { tail: ${log}, from: start, scan: 200ms } }\n`
    const agent = scenario.agent(['--config', await scenario.file('agent.yaml', source)], {
      via: 'mqtt-cbor'
    })
    agent.start()
    await isRunning(agent)
    const program = new LoggingProgram(t, log)
    const config = await scenario.file(
      'rotate.conf',
      `${log} {\nrotate 50\nsu root root\n${directives}\n${holds ? '' : program.postrotate}}\n`
    )
    const rotate = async () => {
      if (holds) await program.toggle('holds')
      await run(logrotate, ['-f', '-s', scenario.path('state'), config])
      if (holds) await program.toggle('goes on')
    }
    for (let turn = 1; !program.isDone; turn++) {
      await delay(1200)
      await rotate()
      if (turn !== 3) continue
      await agent.kill()
      await delay(1200)
      await rotate()
      agent.start()
    }
    const records = await eventually(
      `${lines} lines`,
      async () => {
        const all = await readAll(scenario.url)
        return all.length >= lines ? all : undefined
      },
      60_000
    )
    assertLinesOnceInOrder(records, writtenLines())
    const rotated = (await readdir(scenario.path('log'), { recursive: true })).length
    assert.ok(rotated > 3, `only ${rotated} files`)
    agent.signal('SIGTERM')
    assert.equal(await agent.exit(), 0)
    assert.equal((await readAll(scenario.url)).length, lines)
  })
}

async function isRunning(agent: Program): Promise<void> {
  await eventually('the agent runs', async () => agent.output.includes('"running"') || undefined)
}

/** The program of `test/support/logging-program.mjs`. */
class LoggingProgram {
  readonly #child: ChildProcess
  readonly #output: Interface
  isDone = false

  constructor(t: TestContext, path: string) {
    const script = resolve('test/support/logging-program.mjs')
    this.#child = spawn(process.execPath, [script, path, String(lines), String(perSecond)], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    cleanUp(t, () => this.#child.kill('SIGKILL'))
    if (!this.#child.stdout) throw new Error('no output')
    this.#output = createInterface(this.#child.stdout)
    this.#output.on('line', (line) => {
      if (line === 'done') this.isDone = true
    })
  }

  get postrotate(): string {
    return `postrotate\nkill -USR1 ${this.#child.pid} 2>/dev/null || true\nsleep 0.1\nendscript\n`
  }

  async toggle(answer: string): Promise<void> {
    if (this.isDone) return
    const answered = once(this.#output, 'line')
    this.#child.kill('SIGUSR2')
    const [line] = await answered
    if (line !== answer && line !== 'done') throw new Error(`it said ${String(line)}`)
  }
}

function writtenLines(): string[] {
  return Array.from(
    { length: lines },
    (_, i) => `line ${i + 1} ${'of a busy server '.repeat((i + 1) % 7)}`
  )
}
