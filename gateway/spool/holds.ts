/**
 * What a forwarder has not yet carried on, by stream: a floor for retention. A stream that nothing
 * is known of is held from its first record on.
 */
export class Holds {
  readonly #from = new Map<string, number>()

  /** Records below this sequence index have been carried on. */
  hold(stream: string, from: number): void {
    this.#from.set(stream, from)
  }

  forget(stream: string): void {
    this.#from.delete(stream)
  }

  /** Lowest sequence index that must be kept. */
  heldFrom(stream: string): number {
    return this.#from.get(stream) ?? 0
  }
}
