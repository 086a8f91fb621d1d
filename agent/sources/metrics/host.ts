import { readFile, statfs } from 'node:fs/promises'
import { cpus, freemem, loadavg, totalmem, uptime } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../../shared/clock.ts'
import {
  type CpuTicks,
  type DiskCounters,
  type NetworkCounters,
  parseDiskstats,
  parseMeminfo,
  parseMounts,
  parseNetDev,
  parseStat
} from './proc.ts'
import { readTemperatures, type Temperature } from './temperatures.ts'

/** One reading of this machine; what it does not have is left out. */
export interface HostSample {
  /** Share of the time since the last reading, percent of all processors. */
  readonly cpu?: {
    readonly user: number
    readonly system: number
    readonly iowait: number
    readonly idle: number
  }
  readonly load: readonly number[]
  readonly memory: Readonly<Record<string, number>>
  readonly disks: readonly DiskUse[]
  /** Per second since the last reading, as is `network`. */
  readonly io: readonly Named[]
  readonly network: readonly Named[]
  readonly temperatures: readonly Temperature[]
  readonly uptimeSeconds: number
}

type Named = { readonly name: string } & Readonly<Record<string, number | string>>

interface DiskUse {
  readonly mount: string
  readonly totalBytes: number
  readonly freeBytes: number
}

interface Counters {
  readonly atMs: number
  readonly cpu: CpuTicks | undefined
  readonly disks: ReadonlyMap<string, DiskCounters>
  readonly network: ReadonlyMap<string, NetworkCounters>
}

interface HostOptions {
  /** `/proc` and `/sys`, or where a test has put its own. */
  readonly procRoot: string
  readonly sysRoot: string
  readonly clock: Clock
}

/** Reads this machine; rates are over the time since the reading before. */
export class Host {
  readonly #options: HostOptions
  #before: Counters | undefined

  constructor(options: HostOptions) {
    this.#options = options
  }

  async sample(): Promise<HostSample> {
    const before = this.#before
    const now = await this.#counters()
    this.#before = now
    const cpu = shares(before?.cpu, now.cpu)
    const seconds = before ? (now.atMs - before.atMs) / 1000 : 0
    return {
      ...(cpu ? { cpu } : {}),
      load: loadavg(),
      memory: await this.#memory(),
      disks: await this.#disks(),
      io: rates(before?.disks, now.disks, seconds),
      network: rates(before?.network, now.network, seconds),
      temperatures: await readTemperatures(this.#options.sysRoot),
      uptimeSeconds: Math.floor(uptime())
    }
  }

  async #counters(): Promise<Counters> {
    const { clock } = this.#options
    return {
      atMs: clock.monoMs(),
      cpu: parseStat(await this.#read('stat')) ?? ticksOfNode(),
      disks: parseDiskstats(await this.#read('diskstats')),
      network: parseNetDev(await this.#read('net/dev'))
    }
  }

  async #memory(): Promise<Readonly<Record<string, number>>> {
    const info = parseMeminfo(await this.#read('meminfo'))
    if (info.size === 0) return { totalBytes: totalmem(), availableBytes: freemem() }
    const at = (name: string) => info.get(name) ?? 0
    return {
      totalBytes: at('MemTotal'),
      availableBytes: info.get('MemAvailable') ?? at('MemFree'),
      freeBytes: at('MemFree'),
      cachedBytes: at('Cached') + at('Buffers'),
      swapTotalBytes: at('SwapTotal'),
      swapFreeBytes: at('SwapFree')
    }
  }

  async #disks(): Promise<readonly DiskUse[]> {
    const mounts = parseMounts(await this.#read('mounts'))
    const found: DiskUse[] = []
    for (const mount of mounts.length > 0 ? mounts : ['/']) {
      try {
        const { bsize, blocks, bavail } = await statfs(mount)
        found.push({ mount, totalBytes: bsize * blocks, freeBytes: bsize * bavail })
      } catch {
        // unmounted since, or not ours to see
      }
    }
    return found
  }

  /** Empty where there is no such file, as on other systems than Linux. */
  async #read(name: string): Promise<string> {
    return readFile(join(this.#options.procRoot, name), 'utf8').catch(() => '')
  }
}

function ticksOfNode(): CpuTicks {
  const sum = { user: 0, system: 0, iowait: 0, idle: 0 }
  for (const { times } of cpus()) {
    sum.user += times.user + times.nice
    sum.system += times.sys + times.irq
    sum.idle += times.idle
  }
  return sum
}

function shares(before: CpuTicks | undefined, now: CpuTicks | undefined): HostSample['cpu'] {
  if (!before || !now) return undefined
  const user = Math.max(0, now.user - before.user)
  const system = Math.max(0, now.system - before.system)
  const iowait = Math.max(0, now.iowait - before.iowait)
  const idle = Math.max(0, now.idle - before.idle)
  const all = user + system + iowait + idle
  if (all === 0) return undefined
  const percent = (part: number) => round((part / all) * 100)
  return {
    user: percent(user),
    system: percent(system),
    iowait: percent(iowait),
    idle: percent(idle)
  }
}

/** Each counter per second. A counter that went back began anew, so there is no rate for its device. */
function rates<T extends object>(
  before: ReadonlyMap<string, T> | undefined,
  now: ReadonlyMap<string, T>,
  seconds: number
): Named[] {
  const found: Named[] = []
  if (!before || seconds <= 0) return found
  for (const [name, counters] of now) {
    const old = before.get(name)
    if (!old) continue
    const oldValues = new Map<string, number>(Object.entries(old))
    const perSecond = Object.entries(counters).map(([counter, value]): [string, number] => [
      `${counter}PerSecond`,
      round((value - (oldValues.get(counter) ?? 0)) / seconds)
    ])
    if (perSecond.some(([, value]) => value < 0)) continue
    found.push({ name, ...Object.fromEntries(perSecond) })
  }
  return found
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
