import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { cleanUp } from './cleanup.ts'

/** A directory of the test's own, removed after it. */
export async function tempDir(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'headwater-test-'))
  cleanUp(t, () => rm(path, { recursive: true, force: true, maxRetries: 3 }))
  return path
}
