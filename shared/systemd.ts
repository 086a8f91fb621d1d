import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Clock } from './clock.ts'
import type { Log } from './log.ts'

export interface SystemdOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly log: Log
  /** Settles when the path to the disk works; a rejection is an answer, too. */
  readonly probe: () => Promise<unknown>
  /** Sends one line to systemd; in place of `systemd-notify`. */
  readonly notify?: (line: string) => Promise<unknown>
}

/**
 * Tells systemd that the program is ready, and until `signal` aborts that it is alive: three times
 * in WatchdogSec, each time after `probe` has settled. When the probe hangs or the event loop
 * stands, the pings end and systemd restarts the program. A disk that fails is no reason for that:
 * what waits in memory would be lost. Without systemd it does nothing. Never rejects.
 */
export async function reportToSystemd(options: SystemdOptions, signal: AbortSignal): Promise<void> {
  const { env, clock, log, probe } = options
  if (env['NOTIFY_SOCKET'] === undefined) return
  const notify = options.notify ?? systemdNotify(env)
  const send = (line: string) =>
    notify(line).catch((error: unknown) => log.warn({ error }, 'systemd was not told'))
  await send('READY=1')
  const intervalMs = Math.floor(Number(env['WATCHDOG_USEC'] ?? 0) / 1000 / 3)
  while (intervalMs > 0 && !signal.aborted) {
    await probe().catch(() => undefined)
    await send('WATCHDOG=1')
    await clock.sleep(intervalMs, signal)
  }
}

/** A unix datagram socket is what Node cannot open; a child takes 8 ms, three times in two minutes. */
function systemdNotify({ PATH, NOTIFY_SOCKET }: SystemdOptions['env']) {
  const options = { env: { PATH, NOTIFY_SOCKET }, timeout: 10_000 }
  return (line: string) => promisify(execFile)('systemd-notify', [line], options)
}
