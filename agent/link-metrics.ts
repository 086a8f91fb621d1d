import { metricTable, whenKnown } from '../shared/metric-table.ts'
import type { LinkStats, PeriodStats } from './link/link-stats.ts'

const { counter, gauge } = metricTable<{ readonly link: LinkStats }>('headwater_agent')

function byPeriod(valueOf: (period: PeriodStats) => number | undefined) {
  return {
    labels: ['period'],
    read: ({ link }: { readonly link: LinkStats }) =>
      link.periods.flatMap((one) => {
        const value = valueOf(one)
        return value === undefined ? [] : [[{ period: one.period }, value] as const]
      })
  }
}

/** What the link carries and costs, and who waits for it. */
export const linkMetrics = [
  counter(
    'link_bytes_total',
    'Bytes over the link, with an estimate of the headers of TLS, TCP and IP.',
    ({ link }) => link.totalBytes
  ),
  gauge(
    'link_used_bytes',
    'Bytes that count to the budget of the day or month that runs.',
    byPeriod(({ usedBytes }) => usedBytes)
  ),
  gauge(
    'link_left_bytes',
    'What is left of the budget of the day or month; absent without one.',
    byPeriod(({ leftBytes }) => leftBytes)
  ),
  gauge(
    'link_projected_month_bytes',
    'What the month will have used at its end when it goes on like this; absent in its first hour.',
    whenKnown(({ link }) => link.projectedMonthBytes)
  ),
  gauge(
    'link_metered',
    '1 while the link is metered; absent when nothing depends on it.',
    whenKnown(({ link }) => (link.metered === undefined ? undefined : Number(link.metered)))
  ),
  gauge(
    'link_clock_estimated',
    '1 while the clock is far behind the time seen before, so that days are estimated.',
    ({ link }) => Number(link.clockEstimated)
  ),
  gauge('link_held_stream', '1 for each stream that waits for the link as configured.', {
    labels: ['stream', 'reason'],
    read: ({ link }) => link.held.map(({ stream, reason }) => [{ stream, reason }, 1] as const)
  })
]
