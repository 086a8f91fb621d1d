import { isOnce } from '../../shared/kpl/kpl.ts'

/**
 * Something known of each source, the longest unchanged first. Sources of one batch have a bound of
 * their own, so that no number of them pushes out one that goes on. The epochs of one device have
 * none: only the device knows which are over, and a file that a person carries brings one back after
 * months, so to forget them sooner would be to read it twice.
 */
export class KnownSources<T> {
  readonly #lasting = new Map<string, T>()
  readonly #once = new Map<string, T>()

  /** Of more than `most`, counted as in `remember`, the last ones. */
  constructor(
    entries: Iterable<readonly [source: string, value: T]> = [],
    most = Number.POSITIVE_INFINITY
  ) {
    for (const [source, value] of entries) this.remember(source, value, most)
  }

  get(source: string): T | undefined {
    return this.#holding(source).get(source)
  }

  /**
   * Past `most` sources that go on, and past half as many of one batch, those that were silent for
   * longest are forgotten: several where more were known before.
   */
  remember(source: string, value: T, most: number): void {
    const map = this.#holding(source)
    const bound = map === this.#once ? Math.max(1, Math.floor(most / 2)) : most
    if (!map.delete(source) && map.size >= bound) {
      for (const oldest of map.keys()) {
        map.delete(oldest)
        if (map.size < bound) break
      }
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
