import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { cleanUp } from './cleanup.ts'

/** Mounts a file system of `bytes` at `path` until the test ends; false where that is not allowed. */
export function smallDisk(t: TestContext, path: string, bytes: number): boolean {
  mkdirSync(path, { recursive: true })
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path], {
      stdio: 'ignore'
    })
  } catch {
    return false
  }
  cleanUp(t, () => execFileSync('umount', ['-l', path]))
  return true
}
