import type { Histogram } from './histogram.ts'

export type Labels = Readonly<Record<string, string>>

/**
 * One metric as data: name, meaning, and how it is read from the running program `T` when somebody
 * asks. `docs/reference/metrics.md` is made from these tables.
 */
export interface MetricSpec<T> {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly labels?: readonly string[]
  readonly read: (
    program: T
  ) => number | Histogram | Iterable<readonly [Labels, number | Histogram]>
}

interface MetricValue {
  readonly labels: Record<string, string | number>
  readonly value: number
  readonly metricName?: string
}

/** The Prometheus text of all metrics. The library is loaded at the first scrape. */
export async function renderMetrics<T>(
  specs: readonly MetricSpec<T>[],
  program: T
): Promise<string> {
  // A bundle has the names of a CommonJS library in its default alone.
  const { default: library } = await import('prom-client')
  const registry = new library.Registry()
  for (const spec of specs) {
    const metric = {
      name: spec.name,
      help: spec.help,
      type: spec.type,
      aggregator: 'sum',
      get: async () => ({ ...metric, values: values(spec, program) })
    }
    // The registry asks a metric only for its name and `get`.
    registry.registerMetric(metric as unknown as import('prom-client').Gauge)
  }
  return registry.metrics()
}

function values<T>(spec: MetricSpec<T>, program: T): MetricValue[] {
  const read = spec.read(program)
  if (typeof read === 'number') return [{ labels: {}, value: read }]
  if (Symbol.iterator in read) {
    return [...read].flatMap(([labels, value]) => points(spec.name, labels, value))
  }
  return points(spec.name, {}, read)
}

function points(name: string, labels: Labels, value: number | Histogram): MetricValue[] {
  if (typeof value === 'number') return [{ labels: { ...labels }, value }]
  let below = 0
  const buckets = value.counts.map((count, i) => {
    below += count
    const le = value.bounds[i] ?? '+Inf'
    return { labels: { le, ...labels }, value: below, metricName: `${name}_bucket` }
  })
  return [
    ...buckets,
    { labels: { ...labels }, value: value.sum, metricName: `${name}_sum` },
    { labels: { ...labels }, value: value.count, metricName: `${name}_count` }
  ]
}
