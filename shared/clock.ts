/** Time as the program sees it. Nothing else reads the machine's clocks or sets timers. */
export interface Clock {
  /** Wall time, milliseconds since the epoch, UTC. May jump; only for what leaves the process. */
  wallMs(): number
  /** Milliseconds that only rise, from an arbitrary start. Ages and deadlines use this. */
  monoMs(): number
  /** Resolves after `ms`, or at once when `signal` aborts; it never rejects, so callers test the signal. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monoMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) {
        resolve()
        return
      }
      const wake = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      const timer = setTimeout(wake, ms)
      signal?.addEventListener('abort', wake)
    })
}
