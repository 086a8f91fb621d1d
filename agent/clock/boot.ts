import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'
import { join } from 'node:path'
import type { Random } from '../../shared/random.ts'

/** One run of the operating system. */
export interface Boot {
  /** 32 hexadecimal digits. */
  readonly id: string
  /** Milliseconds since it began, time in suspend included. */
  uptimeMs(): number
}

/** The boot this program runs in; where the system has no name for it, every start counts as one. */
export function thisBoot(random: Random, root = '/'): Boot {
  return { id: bootIdUnder(root) ?? random.bytes(16).toString('hex'), uptimeMs }
}

/**
 * CLOCK_BOOTTIME, as /proc/uptime shows it. In a container that may begin anew while the boot stays
 * the same (lxcfs); CLOCK_MONOTONIC, which is never more, does not.
 */
function uptimeMs(): number {
  return Math.max(uptime() * 1000, Number(process.hrtime.bigint() / 1_000_000n))
}

function bootIdUnder(root: string): string | undefined {
  try {
    const path = join(root, 'proc/sys/kernel/random/boot_id')
    const text = readFileSync(path, 'utf8').trim().replaceAll('-', '')
    return /^[0-9a-f]{32}$/.test(text) ? text : undefined
  } catch {
    return undefined
  }
}
