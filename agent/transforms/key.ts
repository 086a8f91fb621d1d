import { isPartitionKey } from '../../shared/record.ts'
import { Counts } from './counts.ts'
import { compile, type Expression, expressionField } from './expression.ts'
import type { Row } from './row.ts'
import { scalarText } from './scalar-text.ts'
import type { Transform, TransformStats, TransformType } from './transform.ts'

class Key implements Transform {
  readonly #key: Expression
  readonly #counts = new Counts()

  constructor(key: Expression) {
    this.#key = key
  }

  apply(rows: readonly Row[]): readonly Row[] {
    for (const row of rows) {
      const key = scalarText(this.#key.evaluate(row))
      if (isPartitionKey(key)) {
        row.partitionKey = key
      } else {
        this.#counts.noted('failed')
        row.mark({ keyFailed: 'true' })
      }
    }
    return rows
  }

  stats(): TransformStats {
    return this.#counts.stats()
  }
}

export const key: TransformType<string> = {
  key: 'key',
  summary: 'Gives each record the partition key that an expression says.',
  options: expressionField('text').describe(
    'The new partition key, such as `vehicle.id`; text or a number, at most 256 characters.'
  ),
  needsFields: (text) => compile(text, 'text').needsFields,
  create: (text) => new Key(compile(text, 'text'))
}
