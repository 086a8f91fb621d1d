import { type Labelled, metricTable } from '../shared/metric-table.ts'
import type { MetricSpec } from '../shared/metrics.ts'
import type { SourceStats } from './sources/source.ts'
import type { StepStats } from './transforms/chain.ts'

export interface RunningSourceStats extends SourceStats {
  readonly restarts: number
  /** Of its chain, in order. */
  readonly transforms?: readonly StepStats[]
}

interface WithSources {
  /** By the name of the source. */
  readonly sources: Readonly<Record<string, RunningSourceStats>>
}

const { counter, gauge } = metricTable<WithSources>('headwater_agent')

/** One value a source. */
function bySource(
  valueOf: (source: RunningSourceStats) => number | undefined
): Labelled<WithSources> {
  return {
    labels: ['source'],
    read: ({ sources }) =>
      Object.entries(sources).flatMap(([source, stats]) => {
        const value = valueOf(stats)
        return value === undefined ? [] : [[{ source }, value] as const]
      })
  }
}

function bySourceAndReason(
  countsOf: (source: RunningSourceStats) => Readonly<Record<string, number>>
): Labelled<WithSources> {
  return {
    labels: ['source', 'reason'],
    read: ({ sources }) =>
      Object.entries(sources).flatMap(([source, stats]) =>
        Object.entries(countsOf(stats)).map(
          ([reason, count]) => [{ source, reason }, count] as const
        )
      )
  }
}

const readMetrics = [
  counter(
    'source_records_total',
    'Records read.',
    bySource((source) => source.records)
  ),
  counter(
    'source_bytes_total',
    'Bytes of the records read.',
    bySource((source) => source.bytes)
  ),
  gauge(
    'source_behind_bytes',
    'Bytes at the source that are not in the buffer yet, where that is known.',
    bySource((source) => source.behindBytes)
  ),
  counter(
    'source_problems_total',
    'What could not be taken as it was, by reason.',
    bySourceAndReason(({ problems }) => problems)
  ),
  counter(
    'source_left_out_total',
    'What the source left out, as it was told to, by reason.',
    bySourceAndReason(({ leftOut = {} }) => leftOut)
  ),
  counter(
    'source_restarts_total',
    'How often the source failed and was run again.',
    bySource((source) => source.restarts)
  )
]

/** One value a transform and reason; `step` is its index in the configuration. */
function byTransform(kind: 'dropped' | 'noted'): Labelled<WithSources> {
  return {
    labels: ['source', 'step', 'transform', 'reason'],
    read: ({ sources }) =>
      Object.entries(sources).flatMap(([source, { transforms = [] }]) =>
        transforms.flatMap(({ key: transform, ...stats }, step) =>
          Object.entries(stats[kind]).map(
            ([reason, count]) => [{ source, step: String(step), transform, reason }, count] as const
          )
        )
      )
  }
}

const transformMetrics = [
  counter(
    'transform_dropped_records_total',
    'Records that a transform dropped, as it was told to, by reason.',
    byTransform('dropped')
  ),
  counter(
    'transform_noted_records_total',
    'Records that a transform let go on, by what was done to them or could not be done.',
    byTransform('noted')
  )
]

/** What the sources read, and what their transforms made of it. */
export const sourceMetrics: readonly MetricSpec<WithSources>[] = [
  ...readMetrics,
  ...transformMetrics
]
