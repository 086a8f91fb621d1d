import type { TransformStats } from './transform.ts'

/** What a transform counts over its life. */
export class Counts {
  readonly #dropped: Record<string, number> = {}
  readonly #noted: Record<string, number> = {}

  dropped(reason: string, count = 1): void {
    if (count > 0) this.#dropped[reason] = (this.#dropped[reason] ?? 0) + count
  }

  noted(reason: string, count = 1): void {
    if (count > 0) this.#noted[reason] = (this.#noted[reason] ?? 0) + count
  }

  stats(): TransformStats {
    return { dropped: { ...this.#dropped }, noted: { ...this.#noted } }
  }
}
