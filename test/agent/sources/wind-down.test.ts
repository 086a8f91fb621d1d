import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { WindDown } from '../../../agent/sources/wind-down.ts'
import { cleanUp } from '../../support/cleanup.ts'
import { ManualClock, settle } from '../../support/manual-clock.ts'
import { MemoryAppender } from '../../support/memory-appender.ts'
import { SeededRandom } from '../../support/seeded-random.ts'

function setup(t: TestContext) {
  const sink = new MemoryAppender()
  const run = new AbortController()
  const context = {
    name: 'in',
    stream: 'telemetry',
    partitionKey: 'device-1',
    once: false,
    clock: new ManualClock(),
    random: new SeededRandom(1),
    log: pino({ level: 'silent' })
  }
  const windDown = new WindDown({ context, sink, signal: run.signal, graceMs: 1000 })
  cleanUp(t, () => windDown.close())
  return { clock: context.clock, sink, run, windDown }
}

test('what a run has under way is given up when the grace is over, not before', async (t) => {
  const { clock, sink, run, windDown } = setup(t)
  sink.automatic = false
  run.abort()
  assert.deepEqual(
    sink.chunks.map(({ urgent }) => urgent),
    [true]
  )
  await clock.advance(999)
  assert.equal(windDown.signal.aborted, false)
  await clock.advance(1)
  assert.equal(windDown.signal.aborted, true)
})

test('a hundred appends may wait for it without the warning of a leak', async (t) => {
  const warnings: Error[] = []
  const warn = (warning: Error) => warnings.push(warning)
  process.on('warning', warn)
  cleanUp(t, () => process.off('warning', warn))
  const { windDown } = setup(t)
  for (let i = 0; i < 100; i++) windDown.signal.addEventListener('abort', () => undefined)
  await settle()
  assert.deepEqual(warnings, [])
})
