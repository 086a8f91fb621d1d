import assert from 'node:assert/strict'
import { access, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { exec } from '../../../../agent/sources/exec/exec.ts'
import type { ExecOptions } from '../../../../agent/sources/exec/exec-options.ts'
import { sourceContract } from '../../../contract/source.ts'
import { processesOfGroup } from '../../../support/processes-of-group.ts'
import { SourceBench } from '../../../support/source-bench.ts'
import { tempDir } from '../../../support/temp-dir.ts'

const environment = { PATH: '/usr/bin:/bin', LANG: 'C', HEADWATER_TOKEN: 'secret' }

/** Its run begins after a second, and takes a time in which that of the test stands still. */
async function ranOnce(bench: SourceBench<ExecOptions>, stepMs = 0): Promise<void> {
  await bench.clock.advance(1000)
  await bench.until(() => !bench.running, stepMs)
}

async function eventuallyThere(path: string): Promise<void> {
  for (;;) {
    const there = await access(path).then(
      () => true,
      () => false
    )
    if (there) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

sourceContract('exec every', async (t) => {
  const bench = new SourceBench(t, exec, { environment })
  return {
    bench,
    options: { exec: ['date', '+%s.%N'], every: '100ms', timeout: '1h' },
    rewindable: false,
    produce: async (count) => {
      for (let i = 0; i < count; i++) {
        const wanted = bench.appender.chunks.length + 1
        await bench.clock.advance(100)
        // A program takes time of its own, in which that of the test stands still.
        await bench.until(() => bench.appender.chunks.length >= wanted, 0)
      }
    }
  }
})

test('what a run prints is one record, of the time of its start, without the last newline', async (t) => {
  const bench = new SourceBench(t, exec, { environment, once: true })
  bench.start({ exec: ['printf', 'a\n\nb\n'], every: '10s' })
  await ranOnce(bench)
  assert.equal(await bench.done(), undefined)
  assert.deepEqual(bench.appender.texts, ['a\n\nb'])
  assert.ok(bench.appender.chunks[0]?.volatile)
  assert.equal(bench.appender.records[0]?.time, 1_700_000_001_000)
  assert.equal(bench.appender.records[0]?.attributes, undefined)
})

test('with lines, each line is a record, and the last needs no newline', async (t) => {
  const bench = new SourceBench(t, exec, { environment, once: true })
  bench.start({ exec: 'echo a; echo; printf b', every: '10s', lines: true })
  await ranOnce(bench)
  assert.deepEqual(bench.appender.texts, ['a', 'b'])
})

test('with lines and multiline, lines that belong together are one record', async (t) => {
  const bench = new SourceBench(t, exec, { environment, once: true })
  const multiline = { start: '^\\S' }
  bench.start({ exec: ['printf', 'a\n 1\nb\n 2\n'], every: '10s', lines: true, multiline })
  await ranOnce(bench)
  assert.deepEqual(bench.appender.texts, ['a\n 1', 'b\n 2'])
})

test('a list is run without a shell, a text by one', async (t) => {
  const bench = new SourceBench(t, exec, { environment, once: true })
  bench.start({ exec: ['echo', '$HOME', '; date'], every: '10s' })
  await ranOnce(bench)
  bench.start({ exec: 'echo $((1 + 1))', every: '10s' })
  await ranOnce(bench)
  assert.deepEqual(bench.appender.texts, ['$HOME ; date', '2'])
})

test('of the agent’s environment a program sees what is harmless, besides what it is given', async (t) => {
  const bench = new SourceBench(t, exec, { environment, once: true })
  bench.start({ exec: ['env'], every: '10s', lines: true, env: { PLACE: 'roof' } })
  await ranOnce(bench)
  assert.deepEqual(bench.appender.texts.toSorted(), ['LANG=C', 'PATH=/usr/bin:/bin', 'PLACE=roof'])
})

test('a run that fails is counted, and what it printed has its exit and its complaint', async (t) => {
  const bench = new SourceBench(t, exec, { environment, once: true })
  const source = bench.start({ exec: 'echo half; echo no disk >&2; exit 3', every: '10s' })
  await ranOnce(bench)
  assert.deepEqual(bench.appender.texts, ['half'])
  assert.deepEqual(bench.appender.records[0]?.attributes, { exit: '3', stderr: 'no disk' })
  assert.deepEqual(source.stats().problems, { failed_run: 1 })
})

test('a program that is not there fails its run, and the next is tried', async (t) => {
  const bench = new SourceBench(t, exec, { environment })
  const source = bench.start({ exec: ['no-such-program'], every: '10s' })
  await bench.until(() => source.stats().problems['failed_run'] === 2)
  assert.deepEqual(bench.appender.texts, [])
})

test('a run that prints nothing makes no record and is counted', async (t) => {
  const bench = new SourceBench(t, exec, { environment, once: true })
  const source = bench.start({ exec: ['true'], every: '10s' })
  await ranOnce(bench)
  assert.deepEqual(bench.appender.texts, [])
  assert.deepEqual(source.stats().problems, { empty_output: 1 })
})

test('output over maxRecord is cut and marked, and the program is read to its end', async (t) => {
  const bench = new SourceBench(t, exec, { environment, once: true })
  const endless = 'head -c 3000000 /dev/zero | tr "\\0" x'
  const source = bench.start({ exec: endless, every: '1h', maxRecord: '1 KiB' })
  await ranOnce(bench)
  assert.deepEqual(bench.appender.texts, ['x'.repeat(1024)])
  assert.deepEqual(bench.appender.records[0]?.attributes, { truncated: 'true' })
  assert.deepEqual(source.stats().problems, { cut_record: 1 })
})

test('output of exactly maxRecord and a newline is whole', async (t) => {
  const bench = new SourceBench(t, exec, { environment, once: true })
  bench.start({ exec: ['echo', 'x'.repeat(1024)], every: '10s', maxRecord: '1 KiB' })
  await ranOnce(bench)
  assert.deepEqual(bench.appender.texts, ['x'.repeat(1024)])
  assert.equal(bench.appender.records[0]?.attributes, undefined)
})

test('a run that takes too long is ended with all it started, and is marked', async (t) => {
  const bench = new SourceBench(t, exec, { environment, once: true })
  const seen = join(await tempDir(t), 'seen')
  const command = `trap "" TERM; echo $$; sleep 1000 & touch ${seen}; sleep 1000`
  const source = bench.start({ exec: command, every: '10s', timeout: '1s' })
  await bench.until(() => bench.clock.monoMs() === 1000)
  await eventuallyThere(seen)
  await bench.until(() => !bench.running)
  assert.equal(bench.appender.records[0]?.attributes?.['exit'], 'timeout')
  assert.deepEqual(source.stats().problems, { timed_out: 1 })
  assert.deepEqual(await processesOfGroup(Number(bench.appender.texts[0])), [])
})

test('what a run leaves behind in its group is ended with it', async (t) => {
  const bench = new SourceBench(t, exec, { environment, once: true })
  bench.start({ exec: 'echo $$; sleep 1000 &', every: '1h' })
  await ranOnce(bench, 50)
  assert.deepEqual(await processesOfGroup(Number(bench.appender.texts[0])), [])
})

test('runs never overlap, and those that fall due meanwhile are counted', async (t) => {
  const bench = new SourceBench(t, exec, { environment })
  const dir = await tempDir(t)
  const busy = join(dir, 'busy')
  const command = `mkdir ${busy} && touch ${busy}.seen && while [ -e ${busy} ]; do sleep 0.01; done; echo done`
  const source = bench.start({ exec: command, every: '1s', timeout: '1h' })
  await bench.until(() => bench.clock.monoMs() > 6000)
  await eventuallyThere(`${busy}.seen`)
  await rmdir(busy)
  await bench.until(() => bench.appender.texts.length === 1, 0)
  assert.equal(source.stats().problems['failed_run'], undefined)
  await bench.until(() => (source.stats().problems['missed_run'] ?? 0) >= 4)
  await bench.stop()
})

test('an append that fails is tried again until it is taken', async (t) => {
  const bench = new SourceBench(t, exec, { environment, once: true })
  for (let i = 0; i < 3; i++) bench.appender.failNext()
  const source = bench.start({ exec: ['echo', 'a'], every: '1h' })
  await ranOnce(bench, 50)
  assert.deepEqual(bench.appender.texts, ['a'])
  assert.deepEqual(source.stats().problems, { append_retry: 3 })
})

test('options that contradict each other are refused and say what to write', (t) => {
  const bench = new SourceBench(t, exec)
  for (const options of [{}, { every: '1s', keep: true }]) {
    assert.throws(() => bench.create({ exec: 'true', ...options }), {
      code: 'config',
      message: /either "every:" with an interval, or "keep: true"/
    })
  }
  for (const options of [{ lines: true }, { timeout: '1s' }]) {
    assert.throws(() => bench.create({ exec: 'true', keep: true, ...options }), {
      code: 'config',
      message: /belong to "every"/
    })
  }
  assert.throws(() => bench.create({ exec: 'true', every: '1s', multiline: { start: 'x' } }), {
    code: 'config',
    message: /add "lines: true"/
  })
})
