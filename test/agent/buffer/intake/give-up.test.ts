import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chunkOf, framesOf, textsOf } from '../../../contract/buffer.ts'
import { FaultyDisk } from '../faulty-disk.ts'
import { storage } from '../setup.ts'

/** A disk whose next commit waits until it is let go. */
function slowDisk() {
  const disk = new FaultyDisk()
  let letGo: () => void = () => undefined
  let reached: () => void = () => undefined
  const committing = new Promise<void>((resolve) => (reached = resolve))
  const gate = new Promise<void>((resolve) => (letGo = resolve))
  const hold = () => {
    disk.before = async (sql, path) => {
      if (sql !== 'COMMIT' || !path.includes('segments')) return
      reached()
      await gate
    }
  }
  return { disk, hold, committing, letGo: () => letGo() }
}

for (const outcome of ['durable', 'failed'] as const) {
  test(`an append that is given up while it is written is answered as it ends: ${outcome}`, async (t) => {
    const { disk, hold, committing, letGo } = slowDisk()
    const { start } = await storage(t, { openDatabase: disk.open })
    const buffer = await start()
    await buffer.append(chunkOf('a', '1'))
    hold()
    const giveUp = new AbortController()
    let answer = ''
    const appended = buffer.append(chunkOf('a', '2'), giveUp.signal).then(
      () => (answer = 'durable'),
      () => (answer = 'failed')
    )
    await committing
    giveUp.abort()
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(answer, '')
    if (outcome === 'failed') {
      disk.fault = (sql, path) =>
        sql === 'COMMIT' && path.includes('segments') ? 'fails' : undefined
    }
    letGo()
    await appended
    assert.equal(answer, outcome)
    const texts = await textsOf(await framesOf(buffer, 'a'))
    assert.deepEqual(texts, outcome === 'durable' ? ['1', '2'] : ['1'])
  })
}

test('an append that is given up is not kept waiting for a disk that cannot tell', async (t) => {
  const disk = new FaultyDisk()
  const { start } = await storage(t, { openDatabase: disk.open })
  const buffer = await start()
  await buffer.append(chunkOf('a', '1'))
  disk.fault = (sql, path) => {
    if (!path.includes('segments')) return undefined
    return sql === 'COMMIT' ? 'fails-after' : sql === 'open' ? 'fails' : undefined
  }
  const giveUp = new AbortController()
  const appended = buffer.append(chunkOf('a', '2'), giveUp.signal)
  giveUp.abort()
  await assert.rejects(appended, { code: 'store_full' })
})
