/** Why a stream waits although the gateway would take it. */
export type Hold = 'quiet-hours' | 'metered' | 'budget'

export const holdText: Readonly<Record<Hold, string>> = {
  'quiet-hours': 'these are quiet hours',
  metered: 'the link is metered',
  budget: 'the data budget is used up'
}

/** What the link has carried and who waits for it. Bytes as the operator of the link counts them. */
export interface LinkStats {
  /** Since the start, counted to a budget or not. */
  readonly totalBytes: number
  readonly periods: readonly PeriodStats[]
  /** What the month will have used at its end when it goes on like this; undefined in its first hour. */
  readonly projectedMonthBytes: number | undefined
  /** Undefined when nothing depends on it, so that nobody looked. */
  readonly metered: boolean | undefined
  readonly quiet: boolean
  /** The wall clock is far behind what was seen before; days go on by estimate. */
  readonly clockEstimated: boolean
  readonly held: readonly { readonly stream: string; readonly reason: Hold }[]
}

/** The day or month that runs. */
export interface PeriodStats {
  readonly period: 'day' | 'month'
  readonly usedBytes: number
  /** Absent without a budget. */
  readonly limitBytes?: number
  readonly leftBytes?: number
}
