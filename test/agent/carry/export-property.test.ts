import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { test } from 'node:test'
import fc from 'fast-check'
import type { StoredFrame } from '../../../agent/buffer/buffer.ts'
import { CarriedFrames } from '../../../agent/carry/carried-frames.ts'
import { readExport } from '../../../agent/carry/read-export.ts'
import { epochOne, epochTwo, frameOf } from '../../support/stored-frames.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { damage, exportTo, flipped } from './exports.ts'

const texts = fc.array(fc.string({ maxLength: 40 }), { minLength: 1, maxLength: 5 })
const drawn = fc.record({
  stream: fc.constantFrom('a', 'b', 'c'),
  texts,
  next: fc.boolean()
})

/** Frames as a buffer has them: of each stream in order, an epoch after the other. */
function inOrder(all: readonly { stream: string; texts: string[]; next: boolean }[]) {
  const lives = new Map<string, { epoch: string; last: number }>()
  return all.map(({ stream, texts: data, next }) => {
    const known = lives.get(stream) ?? { epoch: epochOne, last: 0 }
    const life = next && known.epoch === epochOne ? { epoch: epochTwo, last: 0 } : known
    lives.set(stream, { ...life, last: life.last + data.length })
    return frameOf(data, { stream, epoch: life.epoch, first: life.last + 1, prev: life.last })
  })
}

const exportCase = fc.record({
  frames: fc.array(drawn, { minLength: 1, maxLength: 12 }).map(inOrder),
  maxFileBytes: fc.integer({ min: 200, max: 4000 }),
  releases: fc.boolean()
})

async function collect(store: CarriedFrames): Promise<Map<string, StoredFrame[]>> {
  const found = new Map<string, StoredFrame[]>()
  for (const stream of store.streams()) {
    const list: StoredFrame[] = []
    for (let after: string | undefined; ; after = list.at(-1)?.id) {
      const read = await store.read(stream, after, 500)
      if (read.length === 0) break
      list.push(...read)
    }
    found.set(stream, list)
  }
  return found
}

function nameless(frames: readonly StoredFrame[]) {
  return frames.map(({ header, enc, body, crc }) => ({
    header,
    enc,
    body: body.toString('hex'),
    crc
  }))
}

test('what is exported is what is replayed: every frame once, byte for byte, in order', async (t) => {
  const directory = await tempDir(t)
  await fc.assert(
    fc.asyncProperty(exportCase, async ({ frames, maxFileBytes, releases }) => {
      const { paths } = await exportTo(directory, frames, { maxFileBytes, carry: { releases } })
      // The files may be given in any order.
      const read = await readExport([...paths].reverse())
      for (const path of paths) await rm(path)
      assert.deepEqual(read.problems, [])
      assert.equal(read.frames.length, frames.length)
    }),
    { numRuns: 30 }
  )
})

test('the store over the files gives each stream as it was written', async (t) => {
  const directory = await tempDir(t)
  await fc.assert(
    fc.asyncProperty(exportCase, async ({ frames, maxFileBytes }) => {
      const { paths } = await exportTo(directory, frames, { maxFileBytes })
      const found = await collect(new CarriedFrames((await readExport(paths)).frames))
      for (const path of paths) await rm(path)
      for (const stream of new Set(frames.map(({ header }) => header.stream))) {
        const written = frames.filter(({ header }) => header.stream === stream)
        assert.deepEqual(nameless(found.get(stream) ?? []), nameless(written))
      }
    }),
    { numRuns: 20 }
  )
})

const damageCase = fc.record({
  frames: fc.array(drawn, { minLength: 1, maxLength: 8 }).map(inOrder),
  maxFileBytes: fc.integer({ min: 300, max: 2000 }),
  releases: fc.boolean(),
  file: fc.nat(),
  at: fc.nat(),
  torn: fc.boolean()
})

test('any damaged byte and any torn end is told, and what is sent is a sound beginning of each stream', async (t) => {
  const directory = await tempDir(t)
  await fc.assert(
    fc.asyncProperty(damageCase, async ({ frames, maxFileBytes, releases, file, at, torn }) => {
      const { paths } = await exportTo(directory, frames, { maxFileBytes, carry: { releases } })
      const path = paths[file % paths.length] as string
      await damage(path, (bytes) => {
        const place = at % bytes.length
        return torn ? bytes.subarray(0, place) : flipped(place)(bytes)
      })
      const read = await readExport(paths).catch((error: unknown) => ({
        problems: [error],
        frames: []
      }))
      const found = await collect(new CarriedFrames(read.frames))
      for (const one of paths) await rm(one)
      assert.notDeepEqual(read.problems, [])
      for (const [stream, list] of found) {
        const written = nameless(frames.filter(({ header }) => header.stream === stream))
        const sent = nameless(list)
        if (!releases) assert.deepEqual(sent, written.slice(0, sent.length))
        const known = new Set(written.map((one) => JSON.stringify(one)))
        for (const one of sent) assert.ok(known.has(JSON.stringify(one)))
      }
    }),
    { numRuns: 80 }
  )
})
