import { askedSync, hardwareClockMs, timesyncdSync } from '../clock/evidence.ts'
import { floorMs } from '../clock/device-time.ts'
import { fail, type Finding, ok, warn } from './finding.ts'
import type { Machine } from './machine.ts'

/** Whether the wall clock is set, is kept right, and survives a power cut. */
export async function checkClock({ clock, root, ask }: Machine): Promise<readonly Finding[]> {
  const now = new Date(clock.wallMs()).toISOString().slice(0, 19)
  const hasHardware = (await hardwareClockMs(root)) !== undefined
  const hardware = hasHardware
    ? ok('a hardware clock keeps the time without power')
    : ok('no hardware clock: after a power cut records are dated once the time is learnt')
  if (clock.wallMs() < floorMs) {
    return [
      fail(`the clock says ${now}: it is not set`, 'let NTP or a GPS receiver set it'),
      hardware
    ]
  }
  const sync = (await timesyncdSync(root)) ?? (await askedSync(ask))
  const synced = sync
    ? ok(`${now} UTC, kept by NTP`)
    : warn(`${now} UTC, kept by nothing`, 'enable NTP: timedatectl set-ntp true, or install chrony')
  return [synced, hardware]
}
