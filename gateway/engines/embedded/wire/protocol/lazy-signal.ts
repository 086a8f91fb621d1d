/** One for all requests: to make the default reason costs more than some calls. */
const over = new Error('the request is over')

/** A signal that is made when it is asked for; most calls end without. */
export class LazySignal {
  #aborted = false
  #controller: AbortController | undefined

  get aborted(): boolean {
    return this.#aborted
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#aborted) this.#controller.abort(over)
    return this.#controller.signal
  }

  abort(): void {
    this.#aborted = true
    this.#controller?.abort(over)
  }
}
