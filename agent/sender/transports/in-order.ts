/** Lets work that takes differently long be handed on in the order in which it was begun. */
export class InOrder {
  #last: Promise<unknown> = Promise.resolve()

  /**
   * Calls `go` with what `prepared` gives, once all earlier calls have had their turn. `go` is
   * called at most once and not awaited; a failed preparation passes its turn on.
   */
  async pass<T, R>(prepared: Promise<T>, go: (value: T) => R): Promise<{ readonly went: R }> {
    const ready = prepared.then(
      (value) => ({ value }),
      (error: unknown) => ({ error })
    )
    const turn = this.#last.then(async () => {
      const outcome = await ready
      if ('error' in outcome) throw outcome.error
      // Wrapped, so that a promise that `go` returns does not hold up the next in line.
      return { went: go(outcome.value) }
    })
    this.#last = turn.catch(() => undefined)
    return turn
  }
}
