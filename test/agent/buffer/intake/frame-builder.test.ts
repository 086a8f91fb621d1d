import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chunkParts, type Part } from '../../../../agent/buffer/intake/chunk-parts.ts'
import { buildFrames } from '../../../../agent/buffer/intake/frame-builder.ts'
import { Sequence } from '../../../../agent/buffer/sequence.ts'
import { recordsOf } from '../../../contract/buffer.ts'
import { SeededRandom } from '../../../support/seeded-random.ts'

const stamp = { wallMs: 5000, uptimeMs: 1000, boot: '0'.repeat(32), clock: 'unsynced' } as const
const options = { frameBytes: 4096, compression: 'none', stamp } as const

function partsOf(source: string | undefined, ...texts: string[]): Part[] {
  const cursors = source === undefined ? [] : [{ source, position: Buffer.from('1') }]
  return chunkParts({ stream: 'a', records: recordsOf(...texts), cursors }, options)
}

test('what can be read again shares frames, but none with what cannot', async () => {
  const parts = [
    ...partsOf('tail:1', 'x', 'y'),
    ...partsOf('tail:2', 'z'),
    ...partsOf('tail:1', 'z'),
    ...partsOf(undefined, 'reading'),
    ...partsOf(undefined, 'reading', 'reading'),
    ...partsOf('tail:2', 'x')
  ]
  const frames = await buildFrames(parts, options)
  assert.deepEqual(
    frames.map(({ sources, count }) => [count, ...sources]),
    [[4, 'tail:1', 'tail:2'], [3], [1, 'tail:2']]
  )
  const sequence = new Sequence(new SeededRandom())
  assert.deepEqual(
    frames.map((frame) => sequence.take(frame).unrepeatable),
    [0, 3, 3]
  )
})
