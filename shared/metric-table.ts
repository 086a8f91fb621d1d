import type { Labels, MetricSpec } from './metrics.ts'

type Read<T> = MetricSpec<T>['read']

/** How a metric with labels is read. */
export interface Labelled<T> {
  readonly labels: readonly string[]
  readonly read: Read<T>
}

/** Makes the rows of a table of metrics whose names begin with `prefix`. */
export function metricTable<T>(prefix: string) {
  const ofType =
    (type: MetricSpec<T>['type']) =>
    (name: string, help: string, source: Read<T> | Labelled<T>): MetricSpec<T> => ({
      name: `${prefix}_${name}`,
      help,
      type,
      ...(typeof source === 'function' ? { read: source } : source)
    })
  return { counter: ofType('counter'), gauge: ofType('gauge'), histogram: ofType('histogram') }
}

/** One value an entry of a table of counts. */
export function byLabel<T>(
  label: string,
  countsOf: (program: T) => Readonly<Record<string, number>> | undefined
): Labelled<T> {
  const read = (program: T): (readonly [Labels, number])[] =>
    Object.entries(countsOf(program) ?? {}).map(([value, count]) => [{ [label]: value }, count])
  return { labels: [label], read }
}

/** A value that is not always known; the metric is absent then. */
export function whenKnown<T>(valueOf: (program: T) => number | undefined): Read<T> {
  return (program) => {
    const value = valueOf(program)
    return value === undefined ? [] : [[{}, value] as const]
  }
}
