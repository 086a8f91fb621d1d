import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { loadAgentConfig } from '../../../agent/config.ts'
import { examine } from '../../../agent/doctor/examine.ts'
import { within } from '../../../agent/doctor/within.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { freePort } from '../../support/programs.ts'
import { fakeMachine, nowMs } from './fake-machine.ts'

test('a check that hangs is told after its time, beside what the others found', async (t) => {
  const clock = new ManualClock(nowMs)
  const machine = { ...(await fakeMachine(t)), clock, ask: () => new Promise<string>(() => {}) }
  const flags = [
    { path: ['to'], value: `http://127.0.0.1:${await freePort()}`, flag: '' },
    { path: ['dataDir'], value: machine.root, flag: '' },
    { path: ['sources', 'log'], value: { journald: true }, flag: '' }
  ]
  const examined = examine(machine, await loadAgentConfig({ flags, env: {} }))
  let isDone = false
  void examined.finally(() => (isDone = true))
  while (!isDone) {
    // The others ask the real machine, which takes a while when it is busy.
    await delay(100)
    await clock.advance(1000)
  }
  const findings = await examined
  const hung = findings.filter(({ what }) => what.includes('no answer'))
  assert.deepEqual(
    hung.map(({ area }) => area),
    ['clock', 'source log']
  )
  assert.ok(findings.some(({ area, level }) => area === 'data' && level === 'OK'))
  assert.equal(clock.sleeping, 0)
})

test('work that settles in time is not disturbed', async () => {
  const clock = new ManualClock()
  assert.equal(await within(Promise.resolve(7), 100, clock), 7)
  await assert.rejects(within(Promise.reject(new Error('x')), 100, clock), /x/)
  assert.equal(clock.sleeping, 0)
})
