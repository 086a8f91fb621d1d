import { z } from 'zod'
import { duration } from '../../../shared/config/fields.ts'
import { Counts } from '../counts.ts'
import { getField } from '../field-path.ts'
import { laneField, type LaneOf, laneOf } from '../lane.ts'
import type { Row } from '../row.ts'
import type { Transform, TransformStats, TransformType } from '../transform.ts'
import { aggregates, type Reading, Span } from './span.ts'

/** Series that are held at once; beyond it the oldest is told early. */
const mostSpans = 1000

/** A larger record passes by, which bounds what the held ones take. Bytes. */
const mostBytes = 16 * 1024

const aggregate = z.enum(aggregates)

const downsampleField = z.strictObject({
  every: duration({ min: 10 }).describe('Interval of which one record is made.'),
  fields: z
    .record(z.string().min(1), z.union([aggregate, z.array(aggregate).min(1)]))
    .refine((fields) => Object.keys(fields).length > 0, 'must name a field')
    .describe(
      'What is told of each: mean, min, max, last or count; of a list each as `<field>_<aggregate>`.'
    ),
  by: laneField()
})

type DownsampleOptions = z.output<typeof downsampleField>

/**
 * One record for all of an interval. What can be read again is told at the end of its chunk, so
 * that no cursor ever stands behind a reading that only memory holds.
 */
class Downsample implements Transform {
  readonly #everyMs: number
  readonly #readings: readonly Reading[]
  readonly #laneOf: LaneOf
  readonly #spans = new Map<string, Span>()
  readonly #counts = new Counts()

  constructor({ every, fields, by }: DownsampleOptions) {
    this.#everyMs = every
    this.#readings = Object.entries(fields).map(([path, told]) => readingOf(path, told))
    this.#laneOf = laneOf(by)
  }

  apply(rows: readonly Row[], mayHold: boolean): readonly Row[] {
    const told: Row[] = []
    let newest = Number.NEGATIVE_INFINITY
    for (const row of rows) {
      newest = Math.max(newest, this.#intervalOf(row))
      this.#take(row, told)
    }
    if (mayHold) this.#tell(told, ({ interval }) => interval < newest)
    else this.#tell(told, () => true)
    return told
  }

  flush(): readonly Row[] {
    const told: Row[] = []
    this.#tell(told, () => true)
    return told
  }

  stats(): TransformStats {
    return this.#counts.stats()
  }

  #take(row: Row, told: Row[]): void {
    const lane = this.#laneOf(row)
    const values = this.#readings.map(({ path }) => row.fields && getField(row.fields, path))
    const isReading = values.some((value) => typeof value === 'number')
    if (lane === undefined || !isReading || row.data.length > mostBytes) {
      this.#counts.noted(isReading ? 'passed_by' : 'no_number')
      // Readings before it do not come after it.
      if (lane !== undefined) this.#tellLane(lane, told)
      told.push(row)
      return
    }
    const interval = this.#intervalOf(row)
    if (this.#spans.get(lane)?.interval !== interval) this.#tellLane(lane, told)
    const span = this.#spanOf(lane, { interval, row, told })
    span.add(
      row,
      values.map((value) => (typeof value === 'number' ? value : undefined))
    )
    this.#counts.dropped('aggregated')
  }

  #spanOf(
    lane: string,
    first: { readonly interval: number; readonly row: Row; readonly told: Row[] }
  ): Span {
    const held = this.#spans.get(lane)
    if (held) return held
    if (this.#spans.size >= mostSpans) {
      const [oldest] = this.#spans.keys()
      this.#counts.noted('told_early')
      if (oldest !== undefined) this.#tellLane(oldest, first.told)
    }
    const span = new Span(this.#readings, first.interval, first.row)
    this.#spans.set(lane, span)
    return span
  }

  #tell(told: Row[], which: (span: Span) => boolean): void {
    for (const [lane, span] of this.#spans) if (which(span)) this.#tellLane(lane, told)
  }

  #tellLane(lane: string, told: Row[]): void {
    const span = this.#spans.get(lane)
    if (!span) return
    this.#spans.delete(lane)
    told.push(span.toRow())
  }

  #intervalOf(row: Row): number {
    return Math.floor(row.time / this.#everyMs)
  }
}

function readingOf(path: string, told: DownsampleOptions['fields'][string]): Reading {
  if (typeof told === 'string') return { path, told: [{ name: path, aggregate: told }] }
  return { path, told: told.map((one) => ({ name: `${path}_${one}`, aggregate: one })) }
}

export const downsample: TransformType<DownsampleOptions> = {
  key: 'downsample',
  summary: 'Makes one record of all readings of an interval.',
  options: downsampleField,
  needsFields: () => true,
  create: (options) => new Downsample(options)
}
