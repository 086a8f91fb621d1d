import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog } from '../../shared/log.ts'
import { RareLog } from '../../shared/rare-log.ts'
import { ManualClock } from '../support/manual-clock.ts'

test('ten lines in ten seconds are written, and the next one says how many were not', async () => {
  const clock = new ManualClock()
  const log = createLog('test', 'silent')
  const lines: unknown[] = []
  log.warn = (fields: unknown) => lines.push(fields)
  const rare = new RareLog(clock, log)
  for (let n = 0; n < 25; n++) rare.warn({ n }, 'again')
  assert.deepEqual(
    lines,
    Array.from({ length: 10 }, (_, n) => ({ n }))
  )
  await clock.advance(10_000)
  for (let n = 25; n < 27; n++) rare.warn({ n }, 'again')
  assert.deepEqual(lines.slice(10), [{ n: 25, suppressed: 15 }, { n: 26 }])
})
