import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Random } from '../../shared/random.ts'
import { Counts } from './counts.ts'
import { compile, type Expression, expressionField } from './expression.ts'
import type { Row } from './row.ts'
import { scalarText } from './scalar-text.ts'
import type { Transform, TransformStats, TransformType } from './transform.ts'

const rate = z.number().min(0).max(1)

const sampleField = z.union([
  rate,
  z.strictObject({
    rate: rate.describe('Share of the records that are kept, 0 to 1.'),
    by: expressionField('text')
      .optional()
      .describe('Records with the same value are kept or dropped together, on every device.'),
    when: expressionField('bool')
      .optional()
      .describe('Only records for which this is true are sampled; all others are kept.')
  })
])

type SampleField = z.output<typeof sampleField>

interface SampleRules {
  readonly rate: number
  readonly by: Expression | undefined
  readonly when: Expression | undefined
}

class Sample implements Transform {
  readonly #rules: SampleRules
  readonly #random: Random
  readonly #mark: { readonly sampleRate: string }
  readonly #counts = new Counts()

  constructor(rules: SampleRules, random: Random) {
    this.#rules = rules
    this.#random = random
    this.#mark = { sampleRate: String(rules.rate) }
  }

  apply(rows: readonly Row[]): readonly Row[] {
    return rows.filter((row) => this.#keeps(row))
  }

  stats(): TransformStats {
    return this.#counts.stats()
  }

  #keeps(row: Row): boolean {
    const { when } = this.#rules
    const applies = when?.evaluate(row) ?? when === undefined
    const place = applies === true ? this.#placeOf(row) : undefined
    if (place === undefined) return true
    if (place >= this.#rules.rate) {
      this.#counts.dropped('sampled')
      return false
    }
    row.mark(this.#mark)
    return true
  }

  /** A number in [0, 1); undefined when the record does not say what it is sampled by. */
  #placeOf(row: Row): number | undefined {
    const { by } = this.#rules
    if (!by) return this.#random.fraction()
    const value = scalarText(by.evaluate(row))
    if (value === undefined) {
      this.#counts.noted('failed')
      row.mark({ sampleFailed: 'true' })
      return undefined
    }
    return createHash('md5').update(value).digest().readUInt32BE(0) / 2 ** 32
  }
}

function rulesOf(written: SampleField): SampleRules {
  if (typeof written === 'number') return { rate: written, by: undefined, when: undefined }
  const { by, when } = written
  return {
    rate: written.rate,
    by: by === undefined ? undefined : compile(by, 'text'),
    when: when === undefined ? undefined : compile(when, 'bool')
  }
}

export const sample: TransformType<SampleField> = {
  key: 'sample',
  summary: 'Keeps a share of the records, and marks them with it.',
  options: sampleField,
  needsFields: (written) => {
    const { by, when } = rulesOf(written)
    return by?.needsFields === true || when?.needsFields === true
  },
  create: (written, { random }) => new Sample(rulesOf(written), random)
}
