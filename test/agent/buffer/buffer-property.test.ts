import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { AgentBuffer } from '../../../agent/buffer/buffer.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { chunkOf, framesOf, textsOf } from '../../contract/buffer.ts'
import { SqliteBuffer } from '../../../agent/buffer/sqlite-buffer.ts'
import { bufferOptions, never } from './setup.ts'

const streams = ['a', 'b', 'keep'] as const

const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      stream: fc.constantFrom(...streams),
      count: fc.integer({ min: 1, max: 4 }),
      bytes: fc.integer({ min: 0, max: 3000 })
    })
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('release' as const),
      stream: fc.constantFrom(...streams),
      index: fc.nat(20)
    })
  },
  { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) }
)

/** What a buffer must hold: frames by stream, each a list of texts. */
class Model {
  readonly held = new Map<string, string[][]>(streams.map((stream) => [stream, []]))
  readonly cursors = new Map<string, string>()
  #next = 0

  texts(count: number, bytes: number): string[] {
    return Array.from({ length: count }, () => `${this.#next++}`.padEnd(bytes, '.'))
  }

  of(stream: string): string[][] {
    return this.held.get(stream) ?? []
  }
}

async function check(buffer: AgentBuffer, model: Model): Promise<void> {
  let records = 0
  for (const stream of streams) {
    const frames = await framesOf(buffer, stream)
    assert.deepEqual(await textsOf(frames), model.of(stream).flat())
    for (const { header } of frames) {
      records += header.count
      const inEpoch = frames.filter((frame) => frame.header.epoch === header.epoch)
      assert.equal(buffer.floor(stream, header.epoch), inEpoch[0]?.header.first)
    }
  }
  assert.equal(buffer.stats().records, records)
  const holding = streams.filter((stream) => model.of(stream).length > 0)
  assert.deepEqual([...buffer.streams()].sort(), [...holding].sort())
  const cursors = [...buffer.cursors('s')].map(([source, value]) => [source, value.toString()])
  assert.deepEqual(new Map(cursors as [string, string][]), model.cursors)
}

test('any mix of appends, releases and restarts keeps exactly what is not released, in order', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
      const directory = await tempDir(t)
      const open = async () => {
        const buffer = new SqliteBuffer(
          bufferOptions(directory, {
            segmentBytes: 16_000,
            overflow: (stream) => (stream === 'keep' ? 'block' : 'drop-oldest')
          })
        )
        await buffer.start(never)
        return buffer
      }
      const model = new Model()
      let buffer = await open()
      try {
        for (const step of actions) {
          if (step.do === 'append') {
            const texts = model.texts(step.count, step.bytes)
            const last = String(texts.at(-1)).slice(0, 5)
            const source = `s:${step.stream}`
            const cursors = [{ source, position: Buffer.from(last) }]
            await buffer.append({ ...chunkOf(step.stream, ...texts), cursors })
            model.of(step.stream).push(texts)
            model.cursors.set(source, last)
          } else if (step.do === 'release') {
            const frames = await framesOf(buffer, step.stream)
            const at = step.index % Math.max(1, frames.length)
            const frame = frames[at]
            if (!frame) continue
            await buffer.release(frame.id)
            model.of(step.stream).splice(at, 1)
          } else {
            await buffer.stop(never)
            buffer = await open()
          }
        }
        await check(buffer, model)
        await buffer.stop(never)
        buffer = await open()
        await check(buffer, model)
      } finally {
        await buffer.stop(AbortSignal.abort())
      }
    }),
    { numRuns: 40 }
  )
})
