import type { Clock } from '../../shared/clock.ts'
import { type Baseline, faultOf, linkFault, type Observation } from './health.ts'

export interface TrialOptions {
  readonly before: Baseline
  readonly observe: () => Pick<Observation, 'config' | 'stats'>
  /** Whether the gateway can be asked for a configuration. */
  readonly probe: () => Promise<boolean>
  readonly windowMs: number
  readonly clock: Clock
}

export interface Fault {
  /** In the words that the operator reads. */
  readonly error: string
  /** It may not have been the fault of the configuration. */
  readonly again: boolean
}

/** How often the agent is looked at in the window. */
const looks = 8

/**
 * Watches the agent for the window. Resolves at the first fault, or with undefined when there was
 * none, or when `signal` aborts.
 */
export async function watchTrial(
  { before, observe, probe, windowMs, clock }: TrialOptions,
  signal: AbortSignal
): Promise<Fault | undefined> {
  const begun = clock.monoMs()
  let answered = false
  for (;;) {
    const leftMs = begun + windowMs - clock.monoMs()
    await clock.sleep(Math.min(leftMs, windowMs / looks), signal)
    answered ||= !signal.aborted && (await probe())
    if (signal.aborted) return undefined
    const elapsedMs = clock.monoMs() - begun
    const now = { ...observe(), elapsedMs, answered }
    const fault = faultOf(before, now)
    if (fault !== undefined) return { error: fault, again: false }
    if (elapsedMs < windowMs) continue
    const error = linkFault(before, now)
    return error === undefined ? undefined : { error, again: true }
  }
}
