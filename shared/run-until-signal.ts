import { aborted } from './aborted.ts'
import type { Clock } from './clock.ts'
import type { Terminal } from './command-line.ts'
import type { Component } from './component.ts'
import type { HangUps } from './hang-ups.ts'
import type { Log } from './log.ts'
import { reportToSystemd } from './systemd.ts'

export interface RunOptions {
  readonly terminal: Terminal
  readonly clock: Clock
  readonly log: Log
  /** How long `stop` may finish what it holds. Milliseconds. */
  readonly drainMs: number
  /** Made before the configuration is read, so that none of its changes is missed. */
  readonly hangUps: HangUps
  /** Called on SIGHUP; a rejection is logged and nothing changes. */
  readonly reload: () => Promise<void>
  /** Settles while the way to the disk works; systemd is told that the program is alive after it. */
  readonly probe: () => Promise<unknown>
  /** Ends the run when it resolves; absent: only a signal does. */
  readonly until?: (signal: AbortSignal) => Promise<void>
}

/**
 * Runs a program from start to stop. SIGTERM and SIGINT drain it; a second one ends the draining at
 * once. Resolves when everything is stopped; rejects when the start or the stop fails.
 */
export async function runUntilSignal(program: Component, options: RunOptions): Promise<void> {
  const { terminal, log } = options
  const asked = new AbortController()
  const hurry = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    terminal.onSignal(signal, () => {
      if (asked.signal.aborted) hurry.abort()
      log.info({ signal }, asked.signal.aborted ? 'stopping at once' : 'stopping')
      asked.abort()
    })
  }
  options.hangUps.reloadBy(() => {
    options.reload().then(
      () => log.info('configuration reloaded'),
      (error: unknown) => log.error({ error }, 'the old configuration stays')
    )
  })
  try {
    await program.start(asked.signal)
    log.info('running')
    void reportToSystemd({ ...options, env: terminal.env }, asked.signal)
    await Promise.race([aborted(asked.signal), options.until?.(asked.signal) ?? never])
  } catch (error) {
    if (!asked.signal.aborted) {
      asked.abort()
      // What failed first is the reason; what could not be stopped then follows from it.
      await stop(program, hurry, options).catch((then: unknown) =>
        log.error({ error: then }, 'what had started did not stop cleanly')
      )
      throw error
    }
    log.info('start given up')
  }
  asked.abort()
  await stop(program, hurry, options)
  log.info('stopped')
}

/** From the deadline until the process ends whatever still runs. */
const graceMs = 3000

const never = new Promise<void>(() => undefined)

async function stop(program: Component, hurry: AbortController, options: RunOptions) {
  const done = new AbortController()
  void options.clock.sleep(options.drainMs, done.signal).then(() => hurry.abort())
  try {
    await Promise.race([program.stop(hurry.signal), overdue(hurry.signal, options.clock)])
  } finally {
    done.abort()
  }
}

/** A part that does not heed its deadline must not keep the process. */
async function overdue(deadline: AbortSignal, clock: Clock): Promise<never> {
  await aborted(deadline)
  await clock.sleep(graceMs)
  throw new Error('not everything stopped in time')
}
