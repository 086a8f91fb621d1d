import type { LocalTime } from './calendar.ts'

/** What one day or month has used. */
export interface PeriodUsage {
  /** As the calendar names it. */
  readonly period: string
  readonly bytes: number
}

export interface UsageState {
  readonly day: PeriodUsage
  readonly month: PeriodUsage
  /** How much of the month had passed when its counting began. Days. */
  readonly monthFromDays: number
}

/** Times before this are those of a clock that was never set. */
const leastMonth = '2024-01'

/**
 * Bytes by day and month. A period ends only when a later one comes, so a clock that goes back
 * resets nothing; and what was counted before the clock was set belongs to the first real period.
 */
export class Usage {
  #state: UsageState | undefined

  constructor(state?: UsageState) {
    this.#state = state
  }

  /** What was used up to this time. */
  at(now: LocalTime): UsageState {
    const last = this.#state
    if (last && now.day <= last.day.period) return last
    const learnt = last && last.month.period < leastMonth && now.month >= leastMonth
    const sameMonth = last?.month.period === now.month
    this.#state = {
      day: { period: now.day, bytes: learnt ? last.day.bytes : 0 },
      month: { period: now.month, bytes: learnt || sameMonth ? last.month.bytes : 0 },
      monthFromDays: !last || learnt ? now.daysIntoMonth : sameMonth ? last.monthFromDays : 0
    }
    return this.#state
  }

  /** Whole bytes. */
  add(bytes: number, now: LocalTime): void {
    const { day, month, monthFromDays } = this.at(now)
    this.#state = {
      day: { ...day, bytes: day.bytes + bytes },
      month: { ...month, bytes: month.bytes + bytes },
      monthFromDays
    }
  }
}

/** What was counted for less promises nothing. Days, with room for the rounding of fractions. */
const leastCountedDays = 1 / 24 - 1e-6

/**
 * What the month will have used at its end when it goes on as until now; undefined in the first hour
 * of the month, or of the counting in it.
 */
export function projectedMonthBytes(
  { month, monthFromDays }: UsageState,
  { daysIntoMonth, daysOfMonth }: LocalTime
): number | undefined {
  const countedDays = daysIntoMonth - monthFromDays
  if (countedDays < leastCountedDays) return undefined
  return Math.round(month.bytes * (1 + (daysOfMonth - daysIntoMonth) / countedDays))
}
