import assert from 'node:assert/strict'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { entry, putAll, readTexts, sequenceOf, shardId } from '../../../support/engine-calls.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { smallDisk } from '../../../support/small-disk.ts'
import { tempDir } from '../../../support/temp-dir.ts'
import { runningEngine } from './running-engine.ts'

const never = new AbortController().signal

test('below the floor of free disk puts fail and may be repeated; above it they are taken again', async (t) => {
  const clock = new ManualClock()
  let free = 10_000
  const engine = await runningEngine(t, await tempDir(t), {
    clock,
    freeDiskFloorBytes: 5_000,
    freeBytes: async () => free
  })
  await engine.create('s', { shards: 1 })
  await putAll(engine, [entry({ text: 'a' })])
  free = 4_999
  await clock.advance(1_000)
  const [refused] = await engine.put('s', [entry({ text: 'b' })], never)
  assert.ok(refused?.status === 'failed' && refused.retryable)
  assert.match(refused.message, /4999 bytes of disk are free/)
  assert.equal(engine.stats().streams[0]?.failedCommits, 1)
  free = 5_000
  await clock.advance(1_000)
  await putAll(engine, [entry({ text: 'c' })])
  assert.deepEqual(await readTexts(engine, shardId(0)), ['a', 'c'])
})

test('a disk that is really full fails puts for a while: all that was acked is there, once and in order', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'headwater-test-'))
  const isMounted = smallDisk(t, directory, 12 * 1024 * 1024)
  // After it is unmounted.
  t.after(() => rm(directory, { recursive: true, force: true }))
  if (!isMounted) {
    t.diagnostic('file systems cannot be mounted here')
    return
  }
  const filler = join(directory, 'filler')
  await writeFile(filler, Buffer.alloc(6 * 1024 * 1024))
  const engine = await runningEngine(t, directory, { freeDiskFloorBytes: 0, segmentBytes: 2e6 })
  await engine.create('s', { shards: 1 })
  const acked: string[] = []
  const sequences: bigint[] = []
  let failed = 0
  for (let i = 0; i < 60; i++) {
    if (i === 45) await truncate(filler)
    const text = `${i} ${'x'.repeat(150_000)}`
    const outcomes = await engine.put('s', [entry({ text })], never).catch(() => [])
    const [outcome] = outcomes
    if (outcome?.status !== 'stored') {
      failed += 1
      continue
    }
    acked.push(text)
    sequences.push(BigInt(sequenceOf(outcome)))
  }
  assert.ok(failed > 5, `${failed} puts failed`)
  assert.ok(acked.at(-1)?.startsWith('59 '))
  assert.deepEqual(
    sequences,
    sequences.toSorted((a, b) => (a < b ? -1 : 1))
  )
  const seen = await readTexts(engine, shardId(0))
  assert.equal(new Set(seen).size, seen.length)
  assert.deepEqual(
    seen.filter((text) => acked.includes(text)),
    acked
  )
})
