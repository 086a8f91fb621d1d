import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import type { Source } from '../../agent/sources/source.ts'
import { TransformedSource } from '../../agent/transformed-source.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { MemoryAppender } from '../support/memory-appender.ts'
import { chainOf, columns } from './transforms/chain-bench.ts'

function setup() {
  const sink = new MemoryAppender()
  const clock = new ManualClock()
  const every = { every: '10s', fields: { t: 'last' } }
  const source: Source = {
    name: 'in',
    stats: () => ({ records: 1, bytes: 7, problems: {} }),
    run: (appender) =>
      appender.append({ stream: 's', records: columns(['{"t":1}']), volatile: true })
  }
  const transformed = new TransformedSource({
    source,
    chain: chainOf({ parse: 'json' }, { downsample: every }),
    stream: 's',
    partitionKey: 'device-1',
    clock,
    log: pino({ level: 'silent' })
  })
  return { sink, clock, transformed }
}

test('what the transforms hold when a run ends is stored', async () => {
  const { sink, clock, transformed } = setup()
  await transformed.run(sink, new AbortController().signal)
  assert.deepEqual(sink.texts, ['{"t":1}'])
  assert.deepEqual(sink.records[0]?.attributes, { downsampled: '1' })
  assert.equal(clock.sleeping, 0)
  assert.equal(transformed.name, 'in')
  assert.equal(transformed.stats().records, 1)
})

test('a run ends 5 s after its source when what is held cannot be stored', async () => {
  const { sink, clock, transformed } = setup()
  const running = transformed.run(sink, new AbortController().signal)
  sink.automatic = false
  await clock.advance(4999)
  assert.equal(sink.waiting, 1)
  await clock.advance(2)
  await running
  assert.equal(sink.waiting, 0)
})
