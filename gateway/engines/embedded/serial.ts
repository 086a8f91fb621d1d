/** Runs tasks one after the other, in the order they were given. */
export class Serial {
  #last: Promise<unknown> = Promise.resolve()

  /** Settles as `task` does; a task that fails does not stop those behind it. */
  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task)
    this.#last = result.catch(() => undefined)
    return result
  }
}
