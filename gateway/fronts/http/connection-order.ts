import type { Socket } from 'node:net'

/** One request's place in the order of its connection. */
export interface Place {
  /** Resolves when every request that came before on this connection has left. */
  readonly turn: Promise<void>
  /** Lets the next one go; safe twice. */
  leave(): void
}

/**
 * The order in which requests came on each connection. An agent pipelines its batches; some take
 * longer to unpack, and none may reach admission before the one it was sent behind.
 */
export class ConnectionOrder {
  readonly #last = new WeakMap<Socket, Promise<void>>()

  /** To be called before the request is waited for in any way. */
  enter(socket: Socket): Place {
    const turn = this.#last.get(socket) ?? Promise.resolve()
    let leave = () => {}
    const left = new Promise<void>((resolve) => {
      leave = resolve
    })
    this.#last.set(
      socket,
      turn.then(() => left)
    )
    return { turn, leave }
  }
}
