import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Ask } from '../../../agent/clock/evidence.ts'
import type { Machine } from '../../../agent/doctor/machine.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { tempDir } from '../../support/temp-dir.ts'

/** 2026-06-01, when this program is in use. */
export const nowMs = Date.UTC(2026, 5, 1)

/** A machine whose root holds these files, and whose programs are all absent but for `ask`. */
export async function fakeMachine(
  t: TestContext,
  files: Readonly<Record<string, string>> = {},
  ask: Ask = () => Promise.reject(new Error('spawn ENOENT'))
): Promise<Machine> {
  const root = await tempDir(t)
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
  return { root, clock: new ManualClock(nowMs), ask }
}
