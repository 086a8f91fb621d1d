import { Counts } from './counts.ts'
import { compile, type Expression, expressionField } from './expression.ts'
import type { Row } from './row.ts'
import type { Transform, TransformStats, TransformType } from './transform.ts'

class Filter implements Transform {
  readonly #keep: Expression
  readonly #counts = new Counts()

  constructor(keep: Expression) {
    this.#keep = keep
  }

  apply(rows: readonly Row[]): readonly Row[] {
    return rows.filter((row) => this.#keeps(row))
  }

  stats(): TransformStats {
    return this.#counts.stats()
  }

  #keeps(row: Row): boolean {
    const keeps = this.#keep.evaluate(row)
    if (keeps === undefined) {
      this.#counts.noted('failed')
      row.mark({ filterFailed: 'true' })
    }
    if (keeps === false) this.#counts.dropped('filtered')
    return keeps !== false
  }
}

export const filter: TransformType<string> = {
  key: 'filter',
  summary: 'Keeps the records for which an expression is true.',
  options: expressionField('bool').describe('Records for which this is false are dropped.'),
  needsFields: (text) => compile(text, 'bool').needsFields,
  create: (text) => new Filter(compile(text, 'bool'))
}
