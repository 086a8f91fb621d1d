import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../shared/clock.ts'
import { FileLock } from '../../shared/file-lock.ts'
import { cleanUp } from '../support/cleanup.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { tempDir } from '../support/temp-dir.ts'

const locked = { code: 'store_locked' }
const module = new URL('../../shared/file-lock.js', import.meta.url).href

test('a lock has one holder, and can be taken again when it is released', async (t) => {
  const path = join(await tempDir(t), 'lock')
  const first = await FileLock.take(path)
  await assert.rejects(FileLock.take(path), locked)
  await first.release()
  const second = await FileLock.take(path)
  await second.release()
})

test('the lock of another process holds as long as that lives, and not a moment longer', async (t) => {
  const path = join(await tempDir(t), 'lock')
  const program = `import { FileLock } from ${JSON.stringify(module)}
    await FileLock.take(${JSON.stringify(path)})
    console.log('held')
    setInterval(() => undefined, 1000)`
  const holder = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  cleanUp(t, () => void holder.kill('SIGKILL'))
  await once(holder.stdout, 'data')
  const clock = new ManualClock()
  const refusal = assert.rejects(FileLock.wait(path, { clock, waitMs: 60_000 }), {
    ...locked,
    message: new RegExp(`${path} for 60 s`)
  })
  let settled = false
  void refusal.finally(() => {
    settled = true
  })
  while (!settled) await clock.advance(1000)
  await refusal
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  const lock = await FileLock.take(path)
  await lock.release()
})

test('a file that is damaged, or left empty, is no hindrance', async (t) => {
  const path = join(await tempDir(t), 'lock')
  for (const text of ['', 'not a lock '.repeat(100)]) {
    await writeFile(path, text)
    const lock = await FileLock.wait(path, { clock: systemClock, waitMs: 0 })
    await lock.release()
  }
})

test('what is wrong with the place is said at once', async (t) => {
  const path = join(await tempDir(t), 'missing', 'lock')
  const wait = { clock: new ManualClock(), waitMs: 1000 }
  await assert.rejects(FileLock.wait(path, wait), { code: 'store_full', message: /missing/ })
})
