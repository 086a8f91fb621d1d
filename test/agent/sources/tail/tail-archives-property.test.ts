import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { tail } from '../../../../agent/sources/tail/tail.ts'
import { RotatedLog } from '../../../support/rotated-log.ts'
import { SourceBench } from '../../../support/source-bench.ts'

const kinds = ['write', 'write', 'rotate', 'rotate', 'pass', 'up', 'stop', 'crash'] as const
const amount = fc.oneof(
  { weight: 14, arbitrary: fc.integer({ min: 1, max: 60 }) },
  { weight: 1, arbitrary: fc.integer({ min: 3000, max: 12_000 }) }
)
const step = fc.record({ do: fc.constantFrom(...kinds), amount })

/** Archives are renamed after they were found, and before they are opened. */
const renamed = (['rotate', 'stop', 'rotate', 'up', 'rotate', 'rotate'] as const).map((kind) => ({
  do: kind,
  amount: 1
}))

const numRuns = 15

for (const delays of [false, true]) {
  test(`each line arrives once and in order through rotation with compress${delays ? ' and delaycompress' : ''}, stops and crashes`, async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        const directory = await mkdtemp(join(tmpdir(), 'headwater-test-'))
        const log = new RotatedLog(directory, { delays })
        const bench = new SourceBench(t, tail)
        const { appender } = bench
        const start = () => bench.start({ tail: log.path, from: 'start' })
        const catchUp = () => bench.until(() => appender.texts.length >= log.written.length, 250)
        try {
          // Rotation can only be followed from a file that was seen.
          await log.write(1)
          start()
          await catchUp()
          for (const { do: kind, amount } of steps) {
            if (kind === 'write') await log.write(amount)
            if (kind === 'rotate') await log.rotate()
            if (kind === 'pass') await bench.pass(Math.min(amount, 60) * 50, 250)
            if (kind === 'stop') await bench.stop()
            if (kind === 'crash') await bench.crash()
            if (kind === 'up' && !bench.running) start()
          }
          if (!bench.running) start()
          await catchUp()
          await bench.pass(70_000, 5000)
          assert.deepEqual(appender.texts, log.written)
        } finally {
          await bench.stop()
          await rm(directory, { recursive: true })
        }
      }),
      {
        numRuns,
        examples: [[renamed]],
        includeErrorInReport: true,
        interruptAfterTimeLimit: 60_000
      }
    )
  })
}
