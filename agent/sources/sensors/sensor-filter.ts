/**
 * Which sensors are wanted: each pattern is an id or the beginning of one up to a slash, in which
 * `*` stands for anything. None given: all.
 */
export class SensorFilter {
  readonly #patterns: readonly RegExp[]

  constructor(patterns: readonly string[]) {
    this.#patterns = patterns.map((pattern) => {
      const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
      return new RegExp(`^${parts.join('.*')}(/|$)`)
    })
  }

  admits(id: string): boolean {
    return this.#patterns.length === 0 || this.#patterns.some((pattern) => pattern.test(id))
  }
}
