import type { RecordColumns } from '../../shared/record.ts'
import type { SourceStats } from './source.ts'

/** What a source counts over its life, whatever the number of its runs. */
export class Tally {
  #records = 0
  #bytes = 0
  readonly #problems: Record<string, number> = {}
  readonly #leftOut: Record<string, number> = {}

  took(records: RecordColumns): void {
    this.#records += records.lens.length
    this.#bytes += records.data.length
  }

  /** Reasons are fixed words of the source, never input, so their number is bounded. */
  problem(reason: string, count = 1): void {
    if (count > 0) this.#problems[reason] = (this.#problems[reason] ?? 0) + count
  }

  /** As `problem`, where it was asked for and nothing is wrong. */
  leftOut(reason: string, count = 1): void {
    if (count > 0) this.#leftOut[reason] = (this.#leftOut[reason] ?? 0) + count
  }

  stats(): SourceStats {
    return {
      records: this.#records,
      bytes: this.#bytes,
      problems: { ...this.#problems },
      leftOut: { ...this.#leftOut }
    }
  }
}
