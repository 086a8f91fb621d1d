import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Passing, Taps } from '../../../agent/control/taps.ts'
import type { Source } from '../../../agent/sources/source.ts'
import { MemoryAppender } from '../../support/memory-appender.ts'
import { columns, samplesOf } from '../transforms/chain-bench.ts'

const chunk = (...lines: string[]) => ({ stream: 's', records: columns(lines) })

function setup() {
  const taps = new Taps()
  const sink = new MemoryAppender()
  const seen: string[] = []
  const tapper = {
    see: ({ source, side, records }: Passing) => {
      for (const { text } of samplesOf(records)) seen.push(`${source} ${side} ${text}`)
    }
  }
  return { taps, sink, seen, tapper }
}

test('what a source appends and what is stored are seen on their sides, in order', async () => {
  const { taps, sink, seen, tapper } = setup()
  const source: Source = {
    name: 'app',
    stats: () => ({ records: 0, bytes: 0, problems: {} }),
    run: (given) => given.append(chunk('raw'))
  }
  const stored = taps.onSink(sink, 'app', ['after'])
  const chain = {
    append: () => stored.append(chunk('made')),
    cursors: () => new Map()
  }
  taps.add(tapper)
  await taps.onSource(source).run(chain, new AbortController().signal)
  await taps.onSink(sink, 'plain', ['before', 'after']).append(chunk('x'))
  assert.deepEqual(seen, ['app before raw', 'app after made', 'plain before x', 'plain after x'])
  assert.deepEqual(sink.texts, ['made', 'x'])
})

test('one who was removed sees nothing more, and chunks without records are no news', async () => {
  const { taps, sink, seen, tapper } = setup()
  const watched = taps.onSink(sink, 'app', ['after'])
  taps.add(tapper)
  await watched.append(chunk())
  taps.remove(tapper)
  await watched.append(chunk('a'))
  assert.deepEqual(seen, [])
  assert.equal(taps.count, 0)
})

test('a tapper that throws is dropped, and the append goes on', async () => {
  const { taps, sink, seen, tapper } = setup()
  taps.add({
    see: () => {
      throw new Error('broken')
    }
  })
  taps.add(tapper)
  await taps.onSink(sink, 'app', ['after']).append(chunk('a'))
  assert.deepEqual(sink.texts, ['a'])
  assert.deepEqual(seen, ['app after a'])
  assert.equal(taps.count, 1)
})

test('cursors and the signal of an append pass through', async () => {
  const { taps, sink } = setup()
  const watched = taps.onSink(sink, 'app', ['after'])
  const cursors = [{ source: 'app', position: Buffer.from('7') }]
  await watched.append({ ...chunk('a'), cursors })
  assert.deepEqual(watched.cursors('app'), new Map([['app', Buffer.from('7')]]))
  sink.automatic = false
  const end = new AbortController()
  const waiting = watched.append(chunk('b'), end.signal)
  end.abort()
  await assert.rejects(waiting, { code: 'store_full' })
})
