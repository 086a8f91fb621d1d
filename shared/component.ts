/** A part of a program that owns something: a socket, a file, a loop. */
export interface Component {
  readonly name: string
  /** Resolves when the component can do its work. `signal` ends the start only. */
  start(signal: AbortSignal): Promise<void>
  /**
   * Takes no new work from this call on, then finishes what it holds. When `deadline` aborts,
   * what is left goes back to where it is durable. Safe before start and twice; every call
   * returns the same promise, which rejects with all cleanup errors after all have run.
   */
  stop(deadline: AbortSignal): Promise<void>
}
