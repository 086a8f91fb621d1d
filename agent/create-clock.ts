import type { Clock } from '../shared/clock.ts'
import type { Log } from '../shared/log.ts'
import type { Random } from '../shared/random.ts'
import { thisBoot } from './clock/boot.ts'
import { ClockWatch } from './clock/clock-watch.ts'
import { DeviceTime } from './clock/device-time.ts'
import { askWith } from './clock/evidence.ts'

/** What knows the time of this machine, and what watches over that. */
export function createClock({
  clock,
  random,
  log,
  environment
}: {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly environment?: Readonly<Record<string, string | undefined>>
}): ClockWatch {
  const time = new DeviceTime(clock, thisBoot(random))
  return new ClockWatch({ time, clock, log, ask: askWith(environment) })
}
