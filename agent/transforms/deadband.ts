import { z } from 'zod'
import { count, duration } from '../../shared/config/fields.ts'
import { Counts } from './counts.ts'
import { getField } from './field-path.ts'
import { laneField, type LaneOf, laneOf } from './lane.ts'
import type { Row } from './row.ts'
import type { Transform, TransformStats, TransformType } from './transform.ts'

const percent = /^\d{1,3}(\.\d{1,6})?%$/

const threshold = z.union([
  z.number().min(0),
  z.string().regex(percent, 'must be a number, or a share of the last value such as "1%"')
])

const deadbandField = z.strictObject({
  fields: z
    .record(z.string().min(1), threshold)
    .refine((fields) => Object.keys(fields).length > 0, 'must name a field')
    .describe('By how much each must differ from what was last kept: a number or "1%".'),
  maxInterval: duration({ min: 1 })
    .optional()
    .describe('A record is kept when the last one that was kept is this old, whatever it says.'),
  by: laneField(),
  remember: count({ min: 1, max: 100_000 })
    .prefault(10_000)
    .describe('How many series are remembered; beyond it the one kept longest ago is forgotten.')
})

type DeadbandOptions = z.output<typeof deadbandField>

interface Kept {
  readonly timeMs: number
  readonly values: readonly (number | undefined)[]
}

class Deadband implements Transform {
  readonly #options: DeadbandOptions
  readonly #bands: readonly { readonly path: string; readonly width: (last: number) => number }[]
  readonly #laneOf: LaneOf
  readonly #kept = new Map<string, Kept>()
  readonly #counts = new Counts()

  constructor(options: DeadbandOptions) {
    this.#options = options
    this.#laneOf = laneOf(options.by)
    this.#bands = Object.entries(options.fields).map(([path, by]) => ({ path, width: widthOf(by) }))
  }

  apply(rows: readonly Row[]): readonly Row[] {
    return rows.filter((row) => this.#keeps(row))
  }

  forget(): void {
    this.#kept.clear()
  }

  stats(): TransformStats {
    return this.#counts.stats()
  }

  #keeps(row: Row): boolean {
    const values = this.#bands.map(({ path }) => numberAt(row, path))
    const lane = this.#laneOf(row)
    if (lane === undefined || values.every((value) => value === undefined)) {
      this.#counts.noted('no_number')
      return true
    }
    const last = this.#kept.get(lane)
    if (last && this.#isWithin(last, values, row.time)) {
      this.#counts.dropped('within_band')
      return false
    }
    this.#keep(lane, { timeMs: row.time, values })
    return true
  }

  #isWithin(last: Kept, values: readonly (number | undefined)[], timeMs: number): boolean {
    const { maxInterval = Number.POSITIVE_INFINITY } = this.#options
    const ageMs = timeMs - last.timeMs
    if (ageMs < 0 || ageMs >= maxInterval) return false
    return this.#bands.every(({ width }, i) => {
      const before = last.values[i]
      const now = values[i]
      if (before === undefined || now === undefined) return before === now
      return Math.abs(now - before) <= width(before)
    })
  }

  #keep(lane: string, kept: Kept): void {
    this.#kept.delete(lane)
    this.#kept.set(lane, kept)
    if (this.#kept.size <= this.#options.remember) return
    const [oldest] = this.#kept.keys()
    if (oldest !== undefined) this.#kept.delete(oldest)
    this.#counts.noted('forgotten')
  }
}

function widthOf(by: number | string): (last: number) => number {
  if (typeof by === 'number') return () => by
  const share = Number(by.slice(0, -1)) / 100
  return (last) => Math.abs(last) * share
}

function numberAt(row: Row, path: string): number | undefined {
  const value = row.fields && getField(row.fields, path)
  return typeof value === 'number' ? value : undefined
}

export const deadband: TransformType<DeadbandOptions> = {
  key: 'deadband',
  summary: 'Drops readings that hardly differ from the last one that was kept.',
  options: deadbandField,
  needsFields: () => true,
  create: (options) => new Deadband(options)
}
