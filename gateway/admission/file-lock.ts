import { open, rm, stat } from 'node:fs/promises'
import type { Clock } from '../../shared/clock.ts'
import { HeadwaterError } from '../../shared/errors.ts'

const retryMs = 20
/** Work under the lock takes milliseconds; a lock that stays this long was left by a killed process. */
const staleMs = 3000

/** Runs `work` while this process alone holds the lock file `path`. Rejects with `store_locked`. */
export async function withFileLock<T>(
  path: string,
  clock: Clock,
  work: () => Promise<T>
): Promise<T> {
  await lock(path, clock)
  try {
    return await work()
  } finally {
    await rm(path, { force: true })
  }
}

async function lock(path: string, clock: Clock): Promise<void> {
  let seen = { stamp: '', sinceMs: clock.monoMs() }
  const giveUpMs = clock.monoMs() + 3 * staleMs
  for (;;) {
    try {
      await (await open(path, 'wx', 0o600)).close()
      return
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
      if (clock.monoMs() > giveUpMs) {
        const message = `another process is changing this file; if none is, remove ${path}`
        throw new HeadwaterError('store_locked', message, { cause })
      }
    }
    const stamp = await stampOf(path)
    if (stamp !== seen.stamp) seen = { stamp, sinceMs: clock.monoMs() }
    else if (clock.monoMs() - seen.sinceMs >= staleMs) await rm(path, { force: true })
    await clock.sleep(retryMs)
  }
}

/** Changes whenever the file is written or replaced; `missing` when there is none. Never rejects. */
export async function stampOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true })
    return `${ino}/${size}/${mtimeNs}`
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' ? 'missing' : `unreadable: ${code}`
  }
}
