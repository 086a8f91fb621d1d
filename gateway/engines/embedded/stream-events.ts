/** `records` became durable, or the set of open `shards` changed or the stream went. */
export type StreamChange = 'records' | 'shards'

/** Tells those who wait or listen what happened to a stream. */
export class StreamEvents {
  readonly #listeners: ((stream: string) => void)[] = []
  /** By stream, one for each `changed` that is waiting. */
  readonly #waiting = new Map<string, Set<() => void>>()

  onReshard(listener: (stream: string) => void): void {
    this.#listeners.push(listener)
  }

  /** Resolves at the next change of a stream, or when `signal` aborts. */
  changed(stream: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    const waiting = this.#waiting.get(stream) ?? new Set()
    this.#waiting.set(stream, waiting)
    return new Promise((resolve) => {
      const done = () => {
        waiting.delete(done)
        if (waiting.size === 0) this.#waiting.delete(stream)
        signal.removeEventListener('abort', done)
        resolve()
      }
      waiting.add(done)
      signal.addEventListener('abort', done)
    })
  }

  notify(stream: string, change: StreamChange): void {
    for (const done of this.#waiting.get(stream) ?? []) done()
    if (change === 'shards') for (const listener of this.#listeners) listener(stream)
  }

  /** Wakes all who wait, on any stream. */
  wakeAll(): void {
    for (const stream of this.#waiting.keys()) this.notify(stream, 'records')
  }
}
