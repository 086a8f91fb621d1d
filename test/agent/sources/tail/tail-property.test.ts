import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { tail } from '../../../../agent/sources/tail/tail.ts'
import { LogWriter } from '../../../support/log-writer.ts'
import { SourceBench } from '../../../support/source-bench.ts'

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('write' as const), count: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('write' as const), count: fc.integer({ min: 3000, max: 6000 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 50, max: 3000 }) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('part', 'late', 'rename', 'recreate', 'truncate', 'copytruncate', 'crash', 'stop', 'fail', 'commit')
    })
  }
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

for (const glob of ['app.log', 'app.log*']) {
  test(`each line of ${glob} arrives once and in order through any rotation, crash and restart`, async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        await withLog(t, async (log, directory) => {
          const bench = new SourceBench(t, tail)
          const options = { tail: join(directory, glob) }
          bench.start(options)
          await log.write(1)
          for (const one of steps) await take(one, { log, bench, options })
          await catchUp(log, bench, options)
          await bench.stop()
          assertOnceInOrder(bench.appender.texts, log.generations)
        })
      }),
      { numRuns: 60 }
    )
  })
}

interface Setting {
  readonly log: LogWriter
  readonly bench: SourceBench<never>
  readonly options: object
}
