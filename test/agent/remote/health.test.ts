import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Baseline,
  faultOf,
  linkFault,
  type Observation,
  type WatchedStats
} from '../../../agent/remote/health.ts'
import { watchedConfig, watchedStats } from './fake-agent.ts'

const before: Baseline = {
  config: watchedConfig('/a'),
  stats: watchedStats(),
  wasConnected: true
}
const now = (stats: WatchedStats, change: Partial<Observation> = {}): Observation => ({
  config: watchedConfig('/a'),
  stats,
  elapsedMs: 1000,
  answered: true,
  ...change
})
const restarts = (count: number) => watchedStats({ sources: { app: { restarts: count } } })

test('an agent that is as it was has no fault', () => {
  assert.equal(faultOf(before, now(restarts(0))), undefined)
})

test('a source that fails is a fault, unless it was not touched and had failed before', () => {
  assert.match(faultOf(before, now(restarts(1))) ?? '', /sources fail: app/)
  const failing = { ...before, stats: restarts(3) }
  assert.equal(faultOf(failing, now(restarts(4))), undefined)
  const changed = now(restarts(1), { config: watchedConfig('/b') })
  assert.match(faultOf(failing, changed) ?? '', /sources fail: app/)
  const { stats: _stats, ...started } = before
  assert.match(faultOf(started, now(restarts(1))) ?? '', /sources fail: app/)
})

test('new losses, an unusable disk and what the gateway refuses are faults; old ones are not', () => {
  const lost = [{ stream: 's', reason: 'overflow', records: 3 }]
  const heldStreams = [{ stream: 's', code: 'unknown_stream' as const }]
  const cases: readonly (readonly [WatchedStats, RegExp])[] = [
    [watchedStats({ buffer: { mode: 'memory' } }), /disk/],
    [watchedStats({ buffer: { lost } }), /3 records were lost/],
    [watchedStats({ sender: { unauthorized: true } }), /refuses this device/],
    [watchedStats({ sender: { heldStreams } }), /s \(unknown_stream\)/]
  ]
  for (const [stats, reason] of cases) {
    assert.match(faultOf(before, now(stats)) ?? '', reason)
    assert.equal(faultOf({ ...before, stats }, now(stats)), undefined)
  }
})

test('a link that was changed must answer, and must carry records if the old one did', () => {
  const config = { ...watchedConfig('/a'), to: ['http://elsewhere'] }
  const fault = (sender: Partial<WatchedStats['sender']>, change: Partial<Observation> = {}) =>
    linkFault(before, now(watchedStats({ sender }), { config, ...change })) ?? 'none'
  assert.match(fault({}, { answered: false }), /could not be asked/)
  assert.match(fault({ transportFailures: 2 }), /2 attempts failed/)
  assert.match(fault({ inFlightFrames: 3 }), /3 batches are not answered/)
  assert.match(fault({ inFlightFrames: 3, lastAckAgeMs: 1001 }), /3 batches/)
  assert.equal(fault({ inFlightFrames: 3, lastAckAgeMs: 999 }), 'none')
  assert.equal(fault({}), 'none')
  const stats = watchedStats({ sender: { transportFailures: 2 } })
  assert.equal(linkFault({ ...before, wasConnected: false }, now(stats, { config })), undefined)
})

test('a link that was left alone has nothing to prove', () => {
  const stats = watchedStats({ sender: { transportFailures: 2 } })
  assert.equal(linkFault(before, now(stats, { answered: false })), undefined)
})
