import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir } from 'node:fs/promises'
import { resolve } from 'node:path'
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

const perSecond = 1500
const turns = 5
/** More than a second, which the dates of `dateext` are exact to. */
const turnMs = 1100
/** The agent is killed in this turn, and started again after two more. */
const killedIn = 2
const startedIn = 4

const olddir = 'olddir old\ncreateolddir 700 root root'

/** With `copytruncate` what is written between the copy and the truncation is in no file at all. */
const modes: Readonly<Record<string, { readonly directives: string; readonly holds?: true }>> = {
  create: { directives: 'create' },
  'create, compress': { directives: 'create\ncompress' },
  'create, delaycompress': { directives: 'create\ncompress\ndelaycompress' },
  'create, dateext': { directives: 'create\ncompress\ndateext\ndateformat -%Y%m%d-%s' },
  'create, olddir': { directives: `create\n${olddir}` },
  'create, olddir, compress': { directives: `create\ncompress\n${olddir}` },
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
    const tail = JSON.stringify([log, scenario.path('log/old/*')])
    const source = `sources: { app: { tail: ${tail}, from: start } }\n`
    const agent = scenario.agent(['--config', await scenario.file('agent.yaml', source)], {
      via: 'mqtt-cbor'
    })
    agent.start()
    await isRunning(agent)
    const program = new LoggingProgram(t, log, scenario.path('reopened'))
    // What was rotated before the agent ever saw it is not asked for.
    await eventually(
      'a line is read',
      async () => (await readAll(scenario.url)).length || undefined
    )
    const config = await scenario.file(
      'rotate.conf',
      `${log} {\nrotate 50\nsu root root\n${directives}\n${holds ? '' : program.postrotate}}\n`
    )
    const rotate = async () => {
      if (holds) await program.toggle('holds')
      await run(logrotate, ['-f', '-s', scenario.path('state'), config])
      if (holds) await program.toggle('goes on')
    }
    for (let turn = 1; turn <= turns; turn++) {
      await delay(turnMs)
      await rotate()
      if (turn === killedIn) await agent.kill()
      if (turn === startedIn) agent.start()
    }
    const lines = await program.end()
    const records = await eventually(
      `${lines} lines`,
      async () => {
        const all = await readAll(scenario.url)
        return all.length >= lines ? all : undefined
      },
      60_000
    )
    assertLinesOnceInOrder(records, writtenLines(lines))
    const names = await readdir(scenario.path('log'), { recursive: true })
    assert.equal(
      names.filter((name) => name.includes('app.log') && !name.endsWith('app.log')).length,
      turns
    )
    agent.signal('SIGTERM')
    assert.equal(await agent.exit(), 0)
    assert.equal((await readAll(scenario.url)).length, lines)
  })
}

async function isRunning(agent: Program): Promise<void> {
  await agent.says(/"running"/)
}

/** The program of `test/support/logging-program.mjs`. */
class LoggingProgram {
  readonly #child: ChildProcess
  readonly #output: Interface
  readonly #reopened: string

  /** It makes the file `reopened` when it did so. */
  constructor(t: TestContext, path: string, reopened: string) {
    const script = resolve('test/support/logging-program.mjs')
    const args = [script, path, reopened, String(perSecond)]
    this.#reopened = reopened
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    cleanUp(t, () => this.#child.kill('SIGKILL'))
    if (!this.#child.stdout) throw new Error('no output')
    this.#output = createInterface(this.#child.stdout)
  }

  /** What is compressed must not be written to any more, so it waits until the file was reopened. */
  get postrotate(): string {
    const { pid } = this.#child
    const command = `rm -f ${this.#reopened}
kill -USR1 ${pid} 2>/dev/null || true
while kill -0 ${pid} 2>/dev/null && [ ! -e ${this.#reopened} ]; do sleep 0.02; done`
    return `postrotate\n${command}\nendscript\n`
  }

  async toggle(answer: string): Promise<void> {
    assert.equal(await this.#ask('SIGUSR2'), answer)
  }

  /** Resolves with the number of lines that it wrote. */
  async end(): Promise<number> {
    return Number(await this.#ask('SIGTERM'))
  }

  async #ask(signal: NodeJS.Signals): Promise<unknown> {
    const answered = once(this.#output, 'line')
    this.#child.kill(signal)
    const [line] = await answered
    return line
  }
}

function writtenLines(lines: number): string[] {
  return Array.from(
    { length: lines },
    (_, i) => `line ${i + 1} ${'of a busy server '.repeat((i + 1) % 7)}`
  )
}
