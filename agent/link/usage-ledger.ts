import type { Clock } from '../../shared/clock.ts'
import { asHeadwaterError } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'
import type { Calendar, LocalTime } from './calendar.ts'
import { KnownTime } from './known-time.ts'
import { type PeriodUsage, Usage, type UsageState } from './usage.ts'
import { readUsage, writeUsage } from './usage-file.ts'

export interface UsageLedgerOptions {
  /** The file; undefined: what is counted ends with the program. */
  readonly path: string | undefined
  /** Least that the file is ahead of what was used. Bytes. */
  readonly aheadBytes: number
  readonly calendar: Calendar
  readonly clock: Clock
  readonly log: Log
}

/**
 * What day and month have used, over restarts. While it is open the file says more than was used,
 * and is written again before that is passed: a crash counts too much, never too little, but for
 * what moves within one minute beyond the pace of the minute before.
 */
export class UsageLedger {
  readonly #options: UsageLedgerOptions
  #time: KnownTime
  #usage = new Usage()
  /** What the file says. */
  #promised: UsageState | undefined
  #movedBytes = 0
  #failing = false

  constructor(options: UsageLedgerOptions) {
    this.#options = options
    this.#time = new KnownTime(options.clock)
  }

  /** The wall clock is far behind the time that was seen before, and is not believed. */
  get estimated(): boolean {
    return this.#time.estimated
  }

  /** Milliseconds since the epoch, to the best of what is known. */
  nowMs(): number {
    return this.#time.nowMs()
  }

  now(): LocalTime {
    return this.#options.calendar.at(this.nowMs())
  }

  used(): UsageState {
    return this.#usage.at(this.now())
  }

  add(bytes: number): void {
    this.#movedBytes += bytes
    this.#usage.add(bytes, this.now())
  }

  /** Rejects with `store_too_new`. A file that cannot be read is one with nothing in it. */
  async open(): Promise<void> {
    const { path, clock, log } = this.#options
    if (path === undefined) return
    try {
      const saved = await readUsage(path)
      if (!saved) return
      this.#time = new KnownTime(clock, saved.latestMs)
      this.#usage = new Usage(saved.usage)
      this.#promised = saved.usage
    } catch (thrown) {
      const error = asHeadwaterError(thrown)
      if (error.code === 'store_too_new') throw error
      log.error({ error }, 'the data budget is counted from nothing')
    }
    if (this.used() && this.estimated) {
      log.warn({ path }, 'the clock is behind the time that was seen before, so days are estimated')
    }
  }

  /** To be called once a minute: writes the file when it is not ahead by another such minute. */
  async keep(): Promise<void> {
    const paceBytes = this.#movedBytes
    this.#movedBytes = 0
    const { day, month } = this.used()
    const promised = this.#promised
    const kept = covers(promised?.day, day, paceBytes) && covers(promised?.month, month, paceBytes)
    if (kept || month.bytes === 0) return
    // Enough for two minutes, so that it is written every other one at most while the pace holds.
    await this.#write(Math.max(this.#options.aheadBytes, 2 * paceBytes))
  }

  /** Writes what was used, no more. */
  async close(): Promise<void> {
    if (this.used().month.bytes > 0) await this.#write(0)
  }

  async #write(aheadBytes: number): Promise<void> {
    const { path, log } = this.#options
    if (path === undefined) return
    const { day, month, monthFromDays } = this.used()
    const ahead = {
      day: { ...day, bytes: day.bytes + aheadBytes },
      month: { ...month, bytes: month.bytes + aheadBytes },
      monthFromDays
    }
    try {
      await writeUsage(path, { latestMs: this.#time.latestMs, usage: ahead })
      this.#promised = ahead
      this.#failing = false
    } catch (error) {
      if (!this.#failing) log.error({ error, path }, 'what the link used cannot be kept on disk')
      this.#failing = true
    }
  }
}

/** What was promised is enough for what was used, and another such minute. */
function covers(
  promised: PeriodUsage | undefined,
  { period, bytes }: PeriodUsage,
  paceBytes: number
): boolean {
  return promised?.period === period && bytes + paceBytes <= promised.bytes
}
