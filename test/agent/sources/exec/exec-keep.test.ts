import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { exec } from '../../../../agent/sources/exec/exec.ts'
import { systemClock } from '../../../../shared/clock.ts'
import { sourceContract } from '../../../contract/source.ts'
import { cleanUp } from '../../../support/cleanup.ts'
import { processesOfGroup } from '../../../support/processes-of-group.ts'
import { SourceBench } from '../../../support/source-bench.ts'
import { tempDir } from '../../../support/temp-dir.ts'

const environment = { PATH: '/usr/bin:/bin' }

/** A pipe that holds what is written to it until somebody reads it, and never ends. */
async function openPipe(t: TestContext) {
  const path = join(await tempDir(t), 'pipe')
  execFileSync('mkfifo', [path])
  const file = await open(path, 'r+')
  cleanUp(t, () => file.close())
  return { path, write: (text: string) => file.write(text) }
}

const multiline = { start: '^line', maxWait: '100ms' }

for (const [name, more] of [
  ['exec keep', {}],
  ['exec keep with multiline', { multiline }]
] as const) {
  sourceContract(name, async (t) => {
    const pipe = await openPipe(t)
    let number = 0
    return {
      bench: new SourceBench(t, exec, { environment }),
      options: { exec: ['cat', pipe.path], keep: true, ...more },
      rewindable: false,
      produce: async (count) => {
        for (let i = 0; i < count; i++) await pipe.write(`line ${number++}\n`)
      }
    }
  })
}

test('each line is a record when it comes, and what a program prints last needs no newline', async (t) => {
  const bench = new SourceBench(t, exec, { environment })
  const source = bench.start({ exec: 'echo a; echo b; printf c', keep: true })
  await bench.until(() => !bench.running)
  assert.deepEqual(bench.appender.texts, ['a', 'b', 'c'])
  assert.ok(bench.appender.chunks.every((chunk) => chunk.volatile))
  assert.deepEqual(source.stats().problems, { ended_program: 1 })
})

test('multiline: lines that belong together are one record, complete with the next or after maxWait', async (t) => {
  const bench = new SourceBench(t, exec, { environment })
  const pipe = await openPipe(t)
  const rules = { start: '^\\S', maxWait: '2s' }
  bench.start({ exec: ['cat', pipe.path], keep: true, multiline: rules })
  await pipe.write('a\n 1\nb\n 2\n')
  await bench.until(() => bench.appender.texts.length === 1, 0)
  await bench.pass(1900)
  assert.deepEqual(bench.appender.texts, ['a\n 1'])
  await bench.until(() => bench.appender.texts.length === 2)
  assert.equal(bench.appender.texts[1], 'b\n 2')
})

test('multiline: a record that waits for more lines when the agent stops is stored', async (t) => {
  const bench = new SourceBench(t, exec, { environment })
  const rules = { start: '^\\S', maxWait: '1h' }
  const command = 'printf "a\n 1\nb\n 2\n"; sleep 1000'
  const options = { exec: command, keep: true, multiline: rules }
  // How long a program takes to end is up to the machine.
  const source = bench.create(options, { clock: systemClock })
  const abort = new AbortController()
  const done = source.run(bench.appender, abort.signal)
  await bench.until(() => bench.appender.texts.length === 1)
  abort.abort()
  await done
  assert.deepEqual(bench.appender.texts, ['a\n 1', 'b\n 2'])
})

test('a program that ends by itself fails the run, with its exit and the end of its complaint', async (t) => {
  const bench = new SourceBench(t, exec, { environment })
  bench.start({ exec: 'echo a; echo line 1 >&2; echo line 2 >&2; exit 7', keep: true })
  await bench.until(() => !bench.running)
  const message = 'the program of source in ended with code 7: line 1; line 2'
  assert.deepEqual(bench.appender.texts, ['a'])
  await assert.rejects(async () => Promise.reject(await bench.done()), {
    code: 'unavailable',
    message
  })
})

test('with once, one end of the program is enough', async (t) => {
  const bench = new SourceBench(t, exec, { environment, once: true })
  bench.start({ exec: 'echo a; exit 1', keep: true })
  await bench.until(() => !bench.running)
  assert.equal(await bench.done(), undefined)
  assert.deepEqual(bench.appender.texts, ['a'])
})

test('a stop ends the program and what it started, and what they print last is stored', async (t) => {
  const bench = new SourceBench(t, exec, { environment })
  const command = 'echo $$; trap "echo bye; exit" TERM; (sleep 1000; true) & wait'
  // How long a program takes to end is up to the machine.
  const source = bench.create({ exec: command, keep: true }, { clock: systemClock })
  const abort = new AbortController()
  const done = source.run(bench.appender, abort.signal)
  await bench.until(() => bench.appender.texts.length === 1)
  abort.abort()
  await done
  assert.equal(bench.appender.texts[1], 'bye')
  assert.deepEqual(await processesOfGroup(Number(bench.appender.texts[0])), [])
})

test('a program that does not end when it is asked to is killed after 3 s', async (t) => {
  const bench = new SourceBench(t, exec, { environment })
  bench.start({ exec: 'trap "" TERM; echo $$; while :; do sleep 0.01; done', keep: true })
  await bench.until(() => bench.appender.texts.length === 1)
  const begun = bench.clock.monoMs()
  await bench.stop()
  assert.ok(bench.clock.monoMs() - begun >= 3000)
  assert.deepEqual(await processesOfGroup(Number(bench.appender.texts[0])), [])
})

test('the program waits while the buffer takes nothing', async (t) => {
  const bench = new SourceBench(t, exec, { environment })
  bench.appender.automatic = false
  bench.start({ exec: ['yes', 'x'.repeat(1000)], keep: true })
  await bench.until(() => bench.appender.waiting === 1)
  await bench.pass(1000)
  assert.equal(bench.appender.waiting, 1)
  assert.equal(bench.appender.chunks.length, 1)
  bench.appender.automatic = true
  bench.appender.commit()
  await bench.until(() => bench.appender.chunks.length > 3)
})

test('an endless complaint is logged at a bounded rate', async (t) => {
  const bench = new SourceBench(t, exec, { environment, once: true })
  const warned: unknown[] = []
  const log = bench.context().log.child({})
  log.warn = (...about: unknown[]) => void warned.push(about)
  const command = 'for i in $(seq 1000); do echo "complaint $i" >&2; done; sleep 0.1'
  const source = bench.start({ exec: command, keep: true }, { log })
  await bench.until(() => !bench.running)
  assert.equal(warned.length, 10)
  assert.equal(source.stats().problems['unlogged_line'], 990)
})
