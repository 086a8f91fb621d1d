import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { gpio } from '../../../../agent/sources/gpio/gpio.ts'
import { HeadwaterError } from '../../../../shared/errors.ts'
import { sourceContract } from '../../../contract/source.ts'
import { SourceBench } from '../../../support/source-bench.ts'
import { FakeGpiomon } from './fake-gpiomon.ts'

async function setup(t: TestContext, version?: string) {
  const fake = await FakeGpiomon.start(t, version)
  const bench = new SourceBench(t, gpio)
  const options = { gpio: 'gpiochip0', lines: [17, 27], command: fake.command }
  const edges = () => bench.appender.texts.map((text) => JSON.parse(text))
  const times = () => bench.appender.records.map(({ time }) => time)
  return { fake, bench, options, edges, times }
}

sourceContract('gpio', async (t) => {
  const { fake, bench, options } = await setup(t)
  let edge = 0
  return {
    bench,
    options,
    rewindable: false,
    produce: async (count) => {
      const wall = bench.clock.wallMs() / 1000
      for (let i = 0; i < count; i++) {
        edge += 1
        await fake.print(`1 17 ${Math.floor(wall)}.${String(edge).padStart(9, '0')}\n`)
      }
    }
  }
})

test('libgpiod 2: an edge is a record with the time on the wall clock', async (t) => {
  const { fake, bench, options, edges, times } = await setup(t)
  bench.start({ ...options, edge: 'rising', bias: 'pull-up', activeLow: true, debounce: '5ms' })
  await fake.print('1 17 1700000000.123456789\n2 27 1700000001.000000001\n')
  await bench.until(() => edges().length === 2)
  assert.deepEqual(edges(), [
    { line: 17, edge: 'rising', time: '1700000000.123456789' },
    { line: 27, edge: 'falling', time: '1700000001.000000001' }
  ])
  assert.deepEqual(times(), [1_700_000_000_123, 1_700_000_001_000])
  assert.ok(bench.appender.chunks.every((chunk) => chunk.volatile === true))
  assert.deepEqual(
    await fake.args(),
    '--chip gpiochip0 --edges rising --event-clock realtime --bias pull-up --active-low --debounce-period 5ms --format'
      .split(' ')
      .concat('%e %o %S', '17', '27')
  )
})

test('libgpiod 1: times of the monotonic clock keep their distances on the wall clock', async (t) => {
  const { fake, bench, options, edges, times } = await setup(t, '1.6.3')
  bench.start({ ...options, edge: 'falling', bias: 'disabled' })
  const wall = () => bench.clock.wallMs()
  await fake.print('0 17 5000 40000000\n')
  await bench.until(() => edges().length === 1, 0)
  assert.equal(times()[0], wall())
  await bench.clock.advance(1000)
  // Two edges that came 300 ms late, 200 ms apart.
  await fake.print('0 17 5000 540000000\n1 27 5000 740000000\n')
  await bench.until(() => edges().length === 3, 0)
  assert.deepEqual(times().slice(1), [wall() - 500, wall() - 300])
  assert.deepEqual(edges()[2], { line: 27, edge: 'rising', time: '5000.740000000' })
  assert.deepEqual(await fake.args(), [
    ...['--line-buffered', '--falling-edge', '--bias=disable', '--format=%e %o %s %n'],
    ...['gpiochip0', '17', '27']
  ])
})

test('libgpiod 1 with a kernel that stamps wall time: the time is taken as it is', async (t) => {
  const { fake, bench, options, times } = await setup(t, '1.4.1')
  bench.start(options)
  await fake.print('1 17 1600000000 5000000\n')
  await bench.until(() => times().length === 1)
  assert.deepEqual(times(), [1_600_000_000_005])
})

test('a line that comes in pieces is one edge, and what is none is counted', async (t) => {
  const { fake, bench, options, edges } = await setup(t)
  const source = bench.start(options)
  await fake.print('1 17 17000')
  await bench.pass(100)
  await fake.print('00000.000000000\nhello\n1 1')
  await bench.until(() => edges().length === 1)
  await bench.until(() => source.stats().problems['unknown_line'] === 1)
})

test('a gpiomon that ends, ends the run with what it complained about; the next run watches again', async (t) => {
  const { fake, bench, options, edges } = await setup(t)
  const source = bench.start(options)
  await fake.print('fail: unable to request lines: Device or resource busy')
  await bench.until(() => !bench.running)
  const error = await bench.done()
  assert.ok(error instanceof HeadwaterError)
  assert.equal(error.code, 'unavailable')
  assert.match(error.message, /exit code 1.*Device or resource busy/)
  bench.resume(source)
  await fake.print('1 17 1700000000.000000000\n')
  await bench.until(() => edges().length === 1)
})

test('no gpiomon is left running when the run is over', async (t) => {
  const { fake, bench, options, edges } = await setup(t)
  bench.start(options)
  await fake.print('1 17 1700000000.000000000\n')
  await bench.until(() => edges().length === 1)
  await bench.stop()
  await bench.until(() => fake.running === 0)
})

test('edges that wait for the commit of others when the run ends are taken', async (t) => {
  const { fake, bench, options, edges } = await setup(t)
  bench.appender.automatic = false
  bench.start(options)
  await fake.print('1 17 1700000000.000000000\n')
  await bench.until(() => bench.appender.waiting > 0)
  await fake.print('2 17 1700000001.000000000\n')
  await bench.until(() => bench.appender.waiting > 1)
  await bench.stop()
  assert.equal(edges().length, 2)
})

test('debounce with libgpiod 1, and a command that is not there, are mistakes of the configuration', async (t) => {
  const { bench, options } = await setup(t, '1.6.3')
  bench.start({ ...options, debounce: '5ms' })
  await bench.until(() => !bench.running)
  assert.match(String(await bench.done()), /debounce needs gpiomon of libgpiod 2/)
  bench.start({ ...options, command: '/nowhere/gpiomon' })
  await bench.until(() => !bench.running)
  assert.match(String(await bench.done()), /apt install gpiod/)
})

test('once: there is nothing to wait for', async (t) => {
  const { bench, options } = await setup(t)
  bench.start(options, { once: true })
  await bench.until(() => !bench.running)
  assert.equal(await bench.done(), undefined)
})
