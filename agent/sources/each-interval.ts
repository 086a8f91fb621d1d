import type { Clock } from '../../shared/clock.ts'

/** The first reading comes early, so that somebody who tries the agent sees something. */
const firstReadingMs = 1000

interface Interval {
  readonly intervalMs: number
  readonly clock: Clock
  /** A single reading. */
  readonly once: boolean
  /** Readings that fell due while an earlier one was under way; they are not made up for. */
  readonly onMissed: (count: number) => void
}

/**
 * Calls `read` after a second (or an interval that is shorter), then once an interval without
 * drift, one call at a time. Resolves when `signal` aborts; rejects as `read` does.
 */
export async function eachInterval(
  { intervalMs, clock, once, onMissed }: Interval,
  signal: AbortSignal,
  read: () => Promise<void>
): Promise<void> {
  let due = clock.monoMs() + Math.min(firstReadingMs, intervalMs)
  for (;;) {
    await clock.sleep(Math.max(0, due - clock.monoMs()), signal)
    if (signal.aborted) return
    await read()
    if (once || signal.aborted) return
    due += intervalMs
    const missed = Math.ceil((clock.monoMs() - due) / intervalMs)
    if (missed > 0) {
      onMissed(missed)
      due += missed * intervalMs
    }
  }
}
