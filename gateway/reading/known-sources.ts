import { isOnce } from '../../shared/kpl/kpl.ts'

/**
 * Something known of each source, the longest unchanged first. Sources of one batch have a bound of
 * their own, so that no number of them pushes out one that goes on.
 */
export class KnownSources<T> {
  readonly #lasting = new Map<string, T>()
  readonly #once = new Map<string, T>()

  constructor(entries: Iterable<readonly [source: string, value: T]> = []) {
    for (const [source, value] of entries) this.#holding(source).set(source, value)
  }

  get(source: string): T | undefined {
    return this.#holding(source).get(source)
  }

  /**
   * Past `most` sources that go on, and past half as many of one batch, the one that was silent for
   * longest is forgotten.
   */
  remember(source: string, value: T, most: number): void {
    const map = this.#holding(source)
    const bound = map === this.#once ? Math.max(1, Math.floor(most / 2)) : most
    if (!map.delete(source) && map.size >= bound) {
      const [oldest] = map.keys()
      if (oldest !== undefined) map.delete(oldest)
    }
    map.set(source, value)
  }

  *[Symbol.iterator](): Generator<[source: string, value: T]> {
    yield* this.#once
    yield* this.#lasting
  }

  #holding(source: string): Map<string, T> {
    return isOnce(source) ? this.#once : this.#lasting
  }
}
