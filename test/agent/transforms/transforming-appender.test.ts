import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TransformingAppender } from '../../../agent/transforms/transforming-appender.ts'
import { MemoryAppender } from '../../support/memory-appender.ts'
import { chainOf, columns } from './chain-bench.ts'

function setup(...written: object[]) {
  const sink = new MemoryAppender()
  const chain = chainOf(...written)
  const appender = new TransformingAppender(sink, chain)
  const chunk = (...texts: string[]) => ({ stream: 'telemetry', records: columns(texts) })
  return { sink, chain, appender, chunk }
}

test('a chunk of which nothing is left still commits its cursors', async () => {
  const { sink, appender, chunk } = setup({ filter: 'false' })
  const cursors = [{ source: 'in:file', position: Buffer.from('9') }]
  await appender.append({ ...chunk('a', 'b'), cursors })
  assert.deepEqual(sink.texts, [])
  assert.deepEqual(appender.cursors('in').get('in:file'), Buffer.from('9'))
})

test('a chunk that failed and is offered again is stored, though all it says was seen already', async () => {
  const { sink, appender, chunk } = setup({ dedupe: '10s' })
  const first = chunk('a', 'a', 'b')
  sink.failNext()
  await assert.rejects(appender.append(first), { code: 'unavailable' })
  await appender.append(first)
  assert.deepEqual(sink.texts, ['a', 'b'])
})

test('records that are read again after a failure are new', async () => {
  const { sink, appender, chunk } = setup({ dedupe: '10s' })
  sink.failNext()
  await assert.rejects(appender.append(chunk('a')), { code: 'unavailable' })
  await appender.append(chunk('a'))
  assert.deepEqual(sink.texts, ['a'])
})

test('nobody is told that a record is durable whose likeness then was not', async () => {
  const { sink, appender, chunk } = setup({ dedupe: '10s' })
  sink.automatic = false
  const giveUp = new AbortController()
  const first = appender.append(chunk('a'), giveUp.signal)
  const repeat = appender.append(chunk('a'))
  const other = appender.append(chunk('b'))
  giveUp.abort()
  await assert.rejects(first, { code: 'store_full' })
  sink.commit()
  await assert.rejects(repeat, { code: 'unavailable' })
  await other
  assert.deepEqual(sink.texts, ['b'])
})

test('readings that are held are held once, whatever becomes of their chunk', async () => {
  const { sink, appender, chain, chunk } = setup(
    { parse: 'json' },
    { downsample: { every: '10s', fields: { t: 'count' } } }
  )
  const first = { ...chunk('{"t":1}', '{"t":2}'), volatile: true }
  sink.failNext()
  await assert.rejects(appender.append(first))
  await appender.append(first)
  assert.deepEqual(sink.texts, [])
  assert.equal(chain.flush(columns([])).data.toString(), '{"t":2}')
})
