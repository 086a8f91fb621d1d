/** The answer for a key of the batch that was not looked up yet. */
export const unresolved = 0xffffffff

/**
 * Where the keys of a batch stand in the table of an aggregate, so that each is looked up once and
 * not once a record. Starting anew costs what was used, not what the batch has.
 */
export class KeySlots {
  #slots = new Uint32Array(0)
  readonly #used: number[] = []

  /** Forgets everything; from now on keys below `count` can be asked for. */
  begin(count: number): void {
    for (const k of this.#used) this.#slots[k] = unresolved
    this.#used.length = 0
    if (count > this.#slots.length) this.#slots = new Uint32Array(count).fill(unresolved)
  }

  /** The index in the aggregate's table of key `k` of the batch, or `unresolved`. */
  get(k: number): number {
    return this.#slots[k] as number
  }

  set(k: number, index: number): void {
    this.#slots[k] = index
    this.#used.push(k)
  }
}
