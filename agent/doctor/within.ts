import type { Clock } from '../../shared/clock.ts'

/** What `work` gives; rejects with `no answer` when it has not settled after `ms`. */
export async function within<T>(work: Promise<T>, ms: number, clock: Clock): Promise<T> {
  const done = new AbortController()
  const late = clock.sleep(ms, done.signal).then(() => {
    throw new Error('no answer')
  })
  late.catch(() => undefined)
  try {
    return await Promise.race([work, late])
  } finally {
    done.abort()
  }
}
