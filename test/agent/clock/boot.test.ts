import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { thisBoot } from '../../../agent/clock/boot.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { tempDir } from '../../support/temp-dir.ts'

test('a boot has the id that the system gave it, or one of its own', async (t) => {
  const root = await tempDir(t)
  const own = thisBoot(new SeededRandom(), root)
  assert.match(own.id, /^[0-9a-f]{32}$/)
  const id = '1b4e28ba-2fa1-11d2-883f-0016d3cca427'
  await mkdir(join(root, 'proc/sys/kernel/random'), { recursive: true })
  await writeFile(join(root, 'proc/sys/kernel/random/boot_id'), `${id}\n`)
  assert.equal(thisBoot(new SeededRandom(), root).id, id.replaceAll('-', ''))
})

test('the time since boot is not less than that of the monotonic clock', () => {
  const boot = thisBoot(new SeededRandom())
  assert.ok(boot.uptimeMs() >= Number(process.hrtime.bigint() / 1_000_000n) - 1)
})
