import { createHash } from 'node:crypto'
import { z } from 'zod'
import { count, duration } from '../../shared/config/fields.ts'
import { Counts } from './counts.ts'
import { getField } from './field-path.ts'
import type { Row } from './row.ts'
import type { Transform, TransformStats, TransformType } from './transform.ts'

const window = () => duration({ min: 1, max: 7 * 86_400_000 })

const details = z.strictObject({
  window: window().describe('How long after a record those that are the same are dropped.'),
  fields: z
    .array(z.string().min(1))
    .min(1)
    .max(100)
    .optional()
    .describe(
      'Records that agree in these fields are the same; default: those with the same data.'
    ),
  remember: count({ min: 1, max: 1_000_000 })
    .prefault(10_000)
    .describe('How many different records are remembered; beyond it the oldest is forgotten.')
})

const dedupeField = z.union([window(), details])

type DedupeOptions = z.output<typeof details>

interface Seen {
  readonly timeMs: number
  suppressed: number
}

class Dedupe implements Transform {
  readonly #options: DedupeOptions
  /** By a hash of what makes records the same, so that each takes the same memory; oldest first. */
  readonly #seen = new Map<string, Seen>()
  readonly #counts = new Counts()

  constructor(options: DedupeOptions) {
    this.#options = options
  }

  apply(rows: readonly Row[]): readonly Row[] {
    return rows.filter((row) => this.#isNew(row))
  }

  forget(): void {
    this.#seen.clear()
  }

  stats(): TransformStats {
    return this.#counts.stats()
  }

  #isNew(row: Row): boolean {
    const id = this.#idOf(row)
    if (id === undefined) return true
    const seen = this.#seen.get(id)
    if (seen && Math.abs(row.time - seen.timeMs) <= this.#options.window) {
      seen.suppressed += 1
      this.#counts.dropped('duplicate')
      return false
    }
    if (seen && seen.suppressed > 0) row.mark({ suppressed: String(seen.suppressed) })
    this.#remember(id, row.time)
    return true
  }

  #remember(id: string, timeMs: number): void {
    this.#seen.delete(id)
    this.#seen.set(id, { timeMs, suppressed: 0 })
    if (this.#seen.size <= this.#options.remember) return
    const [oldest] = this.#seen.keys()
    if (oldest !== undefined) this.#seen.delete(oldest)
    this.#counts.noted('forgotten')
  }

  /** Undefined for a record that has none of the fields; it is like no other. */
  #idOf(row: Row): string | undefined {
    const { fields: paths } = this.#options
    const hash = createHash('sha256').update(`${row.partitionKey}\n`)
    if (!paths) return hash.update(row.data).digest('base64')
    const values = paths.map((path) => row.fields && getField(row.fields, path))
    if (values.every((value) => value === undefined)) return undefined
    return hash.update(JSON.stringify(values, bigintText)).digest('base64')
  }
}

function bigintText(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value
}

export const dedupe: TransformType<z.output<typeof dedupeField>> = {
  key: 'dedupe',
  summary: 'Drops records that say again what one said within a window of time.',
  options: dedupeField,
  needsFields: (written) => typeof written === 'object' && written.fields !== undefined,
  create: (written) =>
    new Dedupe(typeof written === 'number' ? { window: written, remember: 10_000 } : written)
}
