import assert from 'node:assert/strict'
import { test } from 'node:test'
import { overviewOf } from '../../../agent/top/overview.ts'
import { statusOf, type Written } from './status-of.ts'

const app = { source: 'app' }

test('rates are what counters rose by between two looks, by the second', () => {
  const before = statusOf(['source_records_total', 100, app], ['acked_records_total', 5])
  const now = statusOf(['source_records_total', 130, app], ['acked_records_total', 5])
  const { sources, link } = overviewOf(now, before, 2000)
  assert.equal(sources[0]?.recordsPerSecond, 15)
  assert.equal(link.ackedPerSecond, 0)
  assert.equal(sources[1]?.recordsPerSecond, undefined)
})

test('without a look before, or after a restart, there are no rates', () => {
  const now = statusOf(['source_records_total', 130, app])
  assert.equal(overviewOf(now).sources[0]?.recordsPerSecond, undefined)
  const other = { ...statusOf(['source_records_total', 100, app]), pid: 8 }
  assert.equal(overviewOf(now, other, 1000).sources[0]?.recordsPerSecond, undefined)
})

test('the state of the link is told from what the sender counts', () => {
  const stateOf = (...written: readonly Written[]) => overviewOf(statusOf(...written)).link.state
  assert.equal(stateOf(['connected', 0], ['transport_failures_total', 0]), 'no answer yet')
  assert.equal(stateOf(['connected', 0], ['transport_failures_total', 3]), 'not connected')
  assert.equal(stateOf(['connected', 1], ['last_ack_age_seconds', 1]), 'connected')
  assert.equal(stateOf(['connected', 0], ['last_ack_age_seconds', 1]), 'not connected')
  assert.equal(stateOf(['connected', 1], ['unauthorized', 1]), 'refused')
})

test('what is counted by labels is added up', () => {
  const { buffer, sources, link, clock } = overviewOf(
    statusOf(
      ['lost_records_total', 2, { stream: 'a', reason: 'overflow' }],
      ['lost_records_total', 3, { stream: 'b', reason: 'corrupt' }],
      ['source_problems_total', 4, { ...app, reason: 'cut_line' }],
      ['source_problems_total', 5, { ...app, reason: 'empty_line' }],
      ['held_stream', 1, { stream: 'a', code: 'forbidden' }],
      ['clock_state', 0, { state: 'unsynced' }],
      ['clock_state', 1, { state: 'ntp' }]
    )
  )
  assert.deepEqual([buffer.lostRecords, sources[0]?.problems, sources[1]?.problems], [5, 9, 0])
  assert.deepEqual([link.heldStreams, clock], [['a: forbidden'], 'ntp'])
})

test('what was left out on purpose is no problem, whether source or transform did it', () => {
  const { sources } = overviewOf(
    statusOf(
      ['source_left_out_total', 2, { ...app, reason: 'deadband' }],
      ['transform_dropped_records_total', 3, { ...app, step: '0', reason: 'filter' }]
    )
  )
  const [first, second] = sources
  assert.deepEqual([first?.leftOut, first?.problems, second?.leftOut], [5, 0, undefined])
})

test('what the agent does not tell is undefined', () => {
  const { buffer, link, clock } = overviewOf(statusOf())
  assert.deepEqual(
    [buffer.wear, buffer.backlogRecords, link.projectedMonthBytes, clock],
    [undefined, undefined, undefined, undefined]
  )
})
