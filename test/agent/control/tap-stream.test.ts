import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { TapStream, type TapWish } from '../../../agent/control/tap-stream.ts'
import type { TapSide } from '../../../agent/control/taps.ts'
import { ManualClock, settle } from '../../support/manual-clock.ts'
import { columns, type Sample } from '../transforms/chain-bench.ts'

function setup(wish: TapWish = { sides: ['before', 'after'] }, highWaterMark = 1024 ** 2) {
  const out = new PassThrough({ highWaterMark })
  const clock = new ManualClock()
  const stream = new TapStream(out, wish, clock)
  const see = (side: TapSide, ...samples: (string | Sample)[]) =>
    stream.see({ source: 'app', side, stream: 's', records: columns(samples) })
  const read = () =>
    String(out.read() ?? '')
      .split('\n')
      .filter((line) => line !== '')
      .map((line): Record<string, unknown> => JSON.parse(line))
  return { out, clock, see, read }
}

test('a record is a line with all that is known of it', () => {
  const { see, read } = setup()
  see('after', { text: 'hé', time: 5, partitionKey: 'k', attributes: { a: 'b' } })
  assert.deepEqual(read(), [
    {
      ...{ source: 'app', side: 'after', stream: 's', partitionKey: 'k', time: 5 },
      ...{ attributes: { a: 'b' }, bytes: 3, text: 'hé' }
    }
  ])
})

test('only the side and the source that were asked for are shown', () => {
  const after = setup({ sides: ['after'] })
  after.see('before', 'a')
  after.see('after', 'b')
  assert.deepEqual(
    after.read().map(({ text }) => text),
    ['b']
  )
  const other = setup({ source: 'other', sides: ['after'] })
  other.see('after', 'a')
  assert.deepEqual(other.read(), [])
})

test('what a second has no room for is dropped, and the next record says how many', async () => {
  const { clock, see, read } = setup()
  const long = 'x'.repeat(16 * 1024)
  see('after', ...Array<string>(100).fill(long))
  const shown = read().length
  assert.ok(shown >= 32 && shown < 40, `${shown} lines`)
  see('after', 'too soon')
  await clock.advance(1000)
  see('after', 'in time')
  const [notice, record] = read()
  assert.deepEqual(notice, { dropped: 100 - shown + 1 })
  assert.equal(record?.['text'], 'in time')
  assert.equal(clock.sleeping, 0)
})

test('drops that no record follows are told after a second', async () => {
  const { out, clock, see, read } = setup()
  see('after', ...Array<string>(50).fill('x'.repeat(16 * 1024)))
  const shown = read().length
  await clock.advance(1000)
  assert.deepEqual(read(), [{ dropped: 50 - shown }])
  see('after', ...Array<string>(50).fill('x'.repeat(16 * 1024)))
  out.destroy()
  await clock.advance(1000)
  assert.equal(clock.sleeping, 0)
})

test('what a slow reader has no room for is dropped, and told when there is room again', async () => {
  const { out, clock, see, read } = setup({ sides: ['after'] }, 1024)
  const long = 'x'.repeat(16 * 1024)
  for (let second = 0; second < 5; second++) {
    see('after', ...Array<string>(30).fill(long))
    await clock.advance(1000)
  }
  assert.ok(out.writableLength + out.readableLength < 400 * 1024, 'what waits is bounded')
  const lines: Record<string, unknown>[] = []
  for (let turn = 0; turn < 100; turn++) {
    lines.push(...read())
    await settle(1)
  }
  const dropped = lines.reduce((sum, line) => sum + Number(line['dropped'] ?? 0), 0)
  const shown = lines.filter((line) => line['text'] !== undefined).length
  assert.ok(shown > 0 && dropped > 0)
  assert.equal(shown + dropped, 150)
})
