import type { Fields } from '../../formats/fields.ts'
import { printJson } from '../../formats/json-object.ts'
import { deleteField, putField } from '../field-path.ts'
import { Row, type RowFacts } from '../row.ts'

export const aggregates = ['mean', 'min', 'max', 'last', 'count'] as const

export type Aggregate = (typeof aggregates)[number]

/** A field, and under which names which of its aggregates are told. */
export interface Reading {
  readonly path: string
  readonly told: readonly { readonly name: string; readonly aggregate: Aggregate }[]
}

interface Sum {
  count: number
  mean: number
  min: number
  max: number
  last: number
}

/** What stays of the last record; its bytes belong to a chunk that is gone by then. */
interface Last extends RowFacts {
  readonly fields: Fields
}

function lastOf({ partitionKey, time, attributes, fields = {} }: Row): Last {
  return { partitionKey, time, attributes, fields }
}

/** The readings of one series in one interval, as one record. */
export class Span {
  /** Number of the interval since 1970. */
  readonly interval: number
  readonly #readings: readonly Reading[]
  readonly #sums: (Sum | undefined)[]
  #records = 0
  #last: Last

  constructor(readings: readonly Reading[], interval: number, first: Row) {
    this.#readings = readings
    this.interval = interval
    this.#sums = readings.map(() => undefined)
    this.#last = lastOf(first)
  }

  add(row: Row, values: readonly (number | undefined)[]): void {
    this.#records += 1
    this.#last = lastOf(row)
    for (const [i, value] of values.entries()) {
      if (value !== undefined) this.#sums[i] = added(this.#sums[i], value)
    }
  }

  /** The last record, with aggregates in the place of its readings. */
  toRow(): Row {
    const fields: Fields = structuredClone(this.#last.fields)
    for (const [i, { path, told }] of this.#readings.entries()) {
      const sum = this.#sums[i]
      if (!sum) continue
      deleteField(fields, path)
      for (const { name, aggregate } of told) putField(fields, name, sum[aggregate])
    }
    const row = new Row(Buffer.from(printJson(this.#last.fields)), this.#last)
    row.setFields(fields)
    row.mark({ downsampled: String(this.#records) })
    return row
  }
}

/** The mean is carried on and not the sum, so that it never overflows. */
function added(sum: Sum | undefined, value: number): Sum {
  if (!sum) return { count: 1, mean: value, min: value, max: value, last: value }
  sum.count += 1
  sum.mean += (value - sum.mean) / sum.count
  sum.min = Math.min(sum.min, value)
  sum.max = Math.max(sum.max, value)
  sum.last = value
  return sum
}
