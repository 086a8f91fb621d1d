import assert from 'node:assert/strict'
import { test } from 'node:test'
import { frameOf } from '../../../agent/top/frame.ts'
import { overviewOf } from '../../../agent/top/overview.ts'
import { ageText, bytesText, countText, rateText } from '../../../shared/quantities.ts'
import { viewOf } from '../../../agent/top/view.ts'
import { statusOf, type Written } from './status-of.ts'

const busy = overviewOf(
  statusOf(
    ['connected', 1],
    ['last_ack_age_seconds', 0.4],
    ['in_flight_frames', 2],
    ['backlog_records', 1_234_567],
    ['backlog_bytes', 5 * 1024 ** 2],
    ['oldest_unsent_seconds', 12],
    ['source_records_total', 98_765_432, { source: 'app' }]
  )
)

test('no line is wider than the terminal, and the sources are always shown', () => {
  for (let columns = 10; columns <= 200; columns++) {
    const lines = viewOf(busy, columns)
    assert.ok(lines.every(({ text }) => text.length <= columns))
    assert.ok(lines.some(({ text }) => text.startsWith('app')))
  }
})

test('eighty columns hold every line', () => {
  const wide = viewOf(busy, 300).map(({ text }) => text)
  assert.deepEqual(
    viewOf(busy, 80).map(({ text }) => text),
    wide
  )
  assert.ok(wide.includes('link     connected, last ack 0.4 s ago, 2 in flight, - retries'))
  assert.ok(wide.includes('backlog  1,234,567 records, 5.0 MiB on disk, oldest 12 s'))
})

test('a line that is too long goes on below itself', () => {
  const lines = viewOf(busy, 36).map(({ text }) => text)
  const at = lines.indexOf('link     connected')
  assert.deepEqual(lines.slice(at, at + 4), [
    ...['link     connected', '         last ack 0.4 s ago'],
    ...['         2 in flight, - retries', 'rate     stored -/s, acked -/s']
  ])
})

test('the columns of the table stand below their heads', () => {
  const lines = viewOf(busy, 80).map(({ text }) => text)
  const table = lines.slice(lines.findIndex((text) => text.startsWith('SOURCE')))
  const [head = '', row = ''] = table
  assert.equal(head.indexOf('RECORDS ') + 'RECORDS'.length, row.indexOf('98,765,432') + 10)
  assert.ok(table.every((text) => text.length === head.length))
})

test('losses, a dead link and memory in place of the disk stand out', () => {
  const bad = overviewOf(
    statusOf(
      ['memory_mode', 1],
      ['lost_records_total', 1],
      ['held_stream', 1, { stream: 's', code: 'forbidden' }]
    )
  )
  const alarms = viewOf(bad, 80).filter(({ tone }) => tone === 'alarm')
  assert.deepEqual(
    alarms.map(({ text }) => text.split(' ')[0]),
    ['link', 'refused', 'backlog', 'lost']
  )
  assert.deepEqual(
    viewOf(busy, 80).filter(({ tone }) => tone === 'alarm'),
    []
  )
})

test('budgets and what waits for them are shown where there are any', () => {
  const linesOf = (...written: readonly Written[]) =>
    viewOf(overviewOf(statusOf(...written)), 80).map(({ text }) => text)
  assert.ok(linesOf().includes('data use projected after an hour'))
  const lines = linesOf(
    ['link_projected_month_bytes', 5 * 1024 ** 2],
    ['link_left_bytes', 1024, { period: 'day' }],
    ['link_metered', 1],
    ['link_held_stream', 1, { stream: 'logs', reason: 'metered' }]
  )
  assert.ok(lines.includes('data use 5.0 MiB a month at this rate, 1.0 KiB left today, metered'))
  assert.ok(lines.includes('waiting  logs: metered'))
})

test('quantities are short, and nothing known is a dash', () => {
  assert.deepEqual([undefined, 0, 1023, 1024, 123_456, 5e9, 1e18].map(bytesText), [
    '-',
    '0 B',
    '1023 B',
    '1.0 KiB',
    '121 KiB',
    '4.7 GiB',
    '909495 TiB'
  ])
  assert.deepEqual([undefined, 0, 0.01, 0.5, 9.94, 1234].map(rateText), [
    ...['-', '0.0', '<0.1', '0.5', '9.9', '1,234']
  ])
  assert.deepEqual([undefined, 0.44, 65, 200, 3600 * 5 + 120, 86_400 * 3 + 7200].map(ageText), [
    '-',
    '0.4 s',
    '65 s',
    '3 min',
    '5 h 2 min',
    '3 d 2 h'
  ])
  assert.equal(countText(1e6), '1,000,000')
})

test('a frame is drawn over the last, and says how to leave it', () => {
  const frame = frameOf([{ text: 'a', tone: 'alarm' }, { text: 'b' }], 4)
  const lines = ['\u001b[31ma\u001b[0m', 'b', '', 'q quits']
  assert.equal(frame, `\u001b[H${lines.map((line) => `${line}\u001b[K`).join('\r\n')}\u001b[J`)
})

test('a frame is never taller than the terminal, and says what did not fit', () => {
  const lines = Array.from('abcdef', (text) => ({ text }))
  for (let rows = 1; rows <= 9; rows++) {
    const drawn = frameOf(lines, rows).split('\r\n')
    assert.equal(drawn.length, Math.min(rows, 8))
    assert.match(drawn.at(-1) ?? '', /q quits/)
  }
  assert.match(frameOf(lines, 6), /q quits; 2 more lines in a taller terminal/)
})

test('a part that is too long alone goes on after a word, and nothing of it is lost', () => {
  const text = viewOf(busy, 30).map((line) => line.text)
  const at = text.findIndex((line) => line.startsWith('wear'))
  assert.deepEqual(text.slice(at, at + 3), [
    ...['wear     - bytes written for a', '         byte of records', '']
  ])
})

test('what sources left out, or are behind by, has a column where any of them tells it', () => {
  const headOf = (...written: readonly Written[]) => {
    const lines = viewOf(overviewOf(statusOf(...written)), 80).map(({ text }) => text)
    return lines.find((text) => text.startsWith('SOURCE'))
  }
  assert.doesNotMatch(headOf() ?? '', /LEFT OUT|BEHIND/)
  assert.match(headOf(['source_behind_bytes', 0, { source: 'app' }]) ?? '', / BEHIND /)
  const filtered = { source: 'host', step: '0', reason: 'filter' }
  assert.match(headOf(['transform_dropped_records_total', 1, filtered]) ?? '', / LEFT OUT /)
})
