import type { Labels, MetricSpec } from '../../shared/metrics.ts'

/** One value of a metric. */
export interface Sample {
  readonly name: string
  readonly labels: Labels
  readonly value: number
}

/** What a running agent tells the commands. */
export interface AgentStatus {
  readonly device: string
  readonly pid: number
  /** Where it sends to, as configured. */
  readonly gateways: readonly string[]
  readonly sources: readonly string[]
  readonly metrics: readonly Sample[]
}

/** All metrics but histograms, whose counts nobody reads here. */
export function samplesOf<T>(specs: readonly MetricSpec<T>[], program: T): Sample[] {
  return specs.flatMap(({ name, read }) => {
    const values = read(program)
    if (typeof values === 'number') return [{ name, labels: {}, value: values }]
    if (!(Symbol.iterator in values)) return []
    return [...values].flatMap(([labels, value]) =>
      typeof value === 'number' ? [{ name, labels, value }] : []
    )
  })
}
