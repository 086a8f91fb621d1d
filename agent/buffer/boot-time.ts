import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'
import type { Clock } from '../../shared/clock.ts'
import type { Random } from '../../shared/random.ts'

/** When something happened, told so that it can still be dated once the wall clock is right. */
export interface Stamp {
  readonly wallMs: number
  /** Milliseconds since boot, time in suspend included (CLOCK_BOOTTIME). */
  readonly uptimeMs: number
  /** 32 hexadecimal digits. */
  readonly boot: string
}

export class BootTime {
  readonly #clock: Clock
  readonly #boot: string

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#boot = readBootId() ?? random.bytes(16).toString('hex')
  }

  now(): Stamp {
    return {
      wallMs: Math.round(this.#clock.wallMs()),
      uptimeMs: Math.round(uptime() * 1000),
      boot: this.#boot
    }
  }

  /** Milliseconds since a stamp; by the wall clock only when it is of another boot. */
  since({ wallMs, uptimeMs, boot }: Stamp): number {
    const now = this.now()
    return Math.max(0, boot === now.boot ? now.uptimeMs - uptimeMs : now.wallMs - wallMs)
  }
}

/** Linux has one; elsewhere every start counts as a boot. */
function readBootId(): string | undefined {
  try {
    const text = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().replaceAll('-', '')
    return /^[0-9a-f]{32}$/.test(text) ? text : undefined
  } catch {
    return undefined
  }
}
