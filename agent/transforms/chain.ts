import type { RecordColumns } from '../../shared/record.ts'
import type { TimeOrigin } from '../buffer/buffer.ts'
import { Counts } from './counts.ts'
import type { Row } from './row.ts'
import { columnsOf, rowsOf } from './row-columns.ts'
import type { TransformEntry } from './transforms-field.ts'
import type { Transform, TransformContext, TransformStats } from './transform.ts'

/** What one step of a chain has counted. */
export interface StepStats extends TransformStats {
  readonly key: string
}

interface Step {
  readonly key: string
  readonly givesTimes: boolean
  readonly transform: Transform
}

/** The transforms of one source, in order. */
export class Chain {
  readonly #steps: readonly Step[]
  readonly #output = new Counts()

  constructor(entries: readonly TransformEntry[], context: TransformContext) {
    this.#steps = entries.map(({ type, options }) => ({
      key: type.key,
      givesTimes: type.givesTimes?.(options) ?? false,
      transform: type.create(options, context)
    }))
  }

  /** Whether dropping a record may depend on the records before it. */
  get remembers(): boolean {
    return this.#steps.some(({ transform }) => transform.forget !== undefined)
  }

  /** Where the times of records come from that were handed in with times from `before`. */
  timesAfter(before: TimeOrigin = 'clock'): TimeOrigin {
    return this.#steps.some(({ givesTimes }) => givesTimes) ? 'own' : before
  }

  apply(records: RecordColumns, mayHold: boolean): RecordColumns {
    if (records.lens.length === 0) return records
    const rows = this.#steps.reduce<readonly Row[]>(
      (left, { transform }) => transform.apply(left, mayHold),
      rowsOf(records)
    )
    return columnsOf(rows, records, this.#output)
  }

  /** See `Transform.forget`. */
  forget(): void {
    for (const { transform } of this.#steps) transform.forget?.()
  }

  /** What the transforms still held, each through those behind it. `empty`: columns without records. */
  flush(empty: RecordColumns): RecordColumns {
    const rows = this.#steps.reduce<readonly Row[]>(
      (before, { transform }) => [
        ...(before.length > 0 ? transform.apply(before, true) : []),
        ...(transform.flush?.() ?? [])
      ],
      []
    )
    return columnsOf(rows, empty, this.#output)
  }

  /** By step; what could not be stored as it came out is counted under `output`. */
  stats(): readonly StepStats[] {
    const steps = this.#steps.map(({ key, transform }) => ({ key, ...transform.stats() }))
    return [...steps, { key: 'output', ...this.#output.stats() }]
  }
}
