import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { runCommand } from '../../../agent/commands/run.ts'
import { FakeTerminal } from '../../support/fake-terminal.ts'
import { tempDir } from '../../support/temp-dir.ts'

class StdinTerminal extends FakeTerminal {
  readonly #input: Readable

  constructor(input: Readable) {
    super()
    this.#input = input
  }

  override stdin(): Readable {
    return this.#input
  }
}

/** Runs an agent that has no gateway, and says where its files may lie. */
async function setup(t: TestContext, input: Readable = Readable.from([])) {
  const directory = await tempDir(t)
  const config = join(directory, 'agent.yaml')
  await writeFile(config, 'log: { level: silent }\nhealth: { listen: "off" }\n')
  const terminal = new StdinTerminal(input)
  const gateway = ['--to', 'http://127.0.0.1:1', '--data-dir', join(directory, 'data')]
  const run = (...args: string[]) =>
    terminal.run([runCommand(terminal)], ['run', '--config', config, ...gateway, ...args])
  return { directory, terminal, run }
}

test('an agent that is to read standard input and finds it closed ends with a word and code 1', async (t) => {
  const { terminal, run } = await setup(t)
  assert.equal(await run('--stdin'), 1)
  assert.match(terminal.err, /^source stdin: standard input is closed or empty;.*--once/)
})

test('with --once an empty standard input is a proper end', async (t) => {
  const { terminal, run } = await setup(t)
  assert.equal(await run('--stdin', '--once'), 0)
  assert.equal(terminal.err, '')
})

test('a standard input that cannot be read ends the agent, also with --once', async (t) => {
  const broken = new Readable({ read: () => broken.destroy(new Error('EBADF: bad descriptor')) })
  const { terminal, run } = await setup(t, broken)
  assert.equal(await run('--stdin', '--once'), 1)
  assert.match(terminal.err, /^source stdin: standard input cannot be read: EBADF/)
})

test('a token file that is missing ends the agent at its start, by name', async (t) => {
  const { directory, terminal, run } = await setup(t)
  const file = join(directory, 'no-token')
  assert.equal(await run('--stdin', '--token-file', file), 2)
  assert.ok(terminal.err.includes(file), terminal.err)
})
