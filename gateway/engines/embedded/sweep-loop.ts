import type { Clock } from '../../../shared/clock.ts'
import type { Log } from '../../../shared/log.ts'

const everyMs = 60_000

/** Runs `sweep` every minute until `signal` aborts. */
export async function sweepLoop(
  sweep: () => Promise<void>,
  { clock, log, signal }: { readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal }
): Promise<void> {
  for (;;) {
    await clock.sleep(everyMs, signal)
    if (signal.aborted) return
    await sweep().catch((error: unknown) => {
      log.error({ error }, 'retention could not be applied; it is tried again in a minute')
    })
  }
}
