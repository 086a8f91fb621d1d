import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { cleanUp } from '../support/cleanup.ts'

const commander = JSON.stringify(import.meta.resolve('commander'))
const commandLine = JSON.stringify(new URL('../../shared/command-line.js', import.meta.url).href)

/** 8 MB, far more than a pipe holds. */
const program = `
  import { Command } from ${commander}
  import { processTerminal, runCommandLine } from ${commandLine}
  const terminal = processTerminal()
  const command = new Command('print').action(() => {
    for (let i = 0; i < 8000; i++) terminal.print('x'.repeat(999))
  })
  process.exit(await runCommandLine(command, ['node', 'print']))`

function printing(t: TestContext): ChildProcessByStdio<null, Readable, null> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  cleanUp(t, () => void child.kill('SIGKILL'))
  return child
}

test('all that a command prints reaches a pipe before the process ends', async (t) => {
  const printed = await buffer(printing(t).stdout)
  assert.equal(printed.length, 8_000_000)
})

test('a command whose reader is gone ends all the same', async (t) => {
  const child = printing(t)
  const ended = once(child, 'exit')
  child.stdout.once('data', () => child.stdout.destroy())
  assert.deepEqual(await ended, [0, null])
})
