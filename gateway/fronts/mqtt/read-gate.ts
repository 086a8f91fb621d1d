import type { Brake } from './brake.ts'
import { type PendingPool, resumeShare } from './pending-pool.ts'

/** Stops the reading of one socket while too much of it, or of all, waits for an answer. */
export class ReadGate {
  readonly #brake: Brake
  readonly #pool: PendingPool
  readonly #resume = () => {
    this.#resumed = true
    this.#brake.free('pool')
  }
  #limitBytes: number
  #pendingBytes = 0
  #partialBytes = 0
  /** Whether the pool expects something of this socket. */
  #resumed = false

  constructor(brake: Brake, options: { pool: PendingPool; limitBytes: number }) {
    this.#brake = brake
    this.#pool = options.pool
    this.#limitBytes = options.limitBytes
  }

  /** Raises the connection's own bound; it never falls. */
  allow(limitBytes: number): void {
    this.#limitBytes = Math.max(this.#limitBytes, limitBytes)
  }

  /** Holds the bytes of a message until its answer. */
  take(bytes: number): void {
    this.#pendingBytes += bytes
    if (this.#pendingBytes >= this.#limitBytes && this.#brake.hold('pending')) {
      this.#pool.countPause()
    }
    this.#arrived(bytes)
  }

  release(bytes: number): void {
    this.#pendingBytes -= bytes
    if (this.#pendingBytes <= this.#limitBytes * resumeShare) this.#brake.free('pending')
    this.#pool.add(-bytes)
  }

  /** An unfinished packet counts for all connections, not for its own: it must come to its end. */
  holdPartial(bytes: number): void {
    const more = bytes - this.#partialBytes
    if (more === 0) return
    this.#partialBytes = bytes
    this.#arrived(more)
  }

  /** The connection is over: it holds only what admission holds. */
  close(): void {
    this.#pool.add(-this.#partialBytes)
    this.#partialBytes = 0
    this.#brake.release()
    this.#pool.forget(this.#resume)
  }

  #arrived(bytes: number): void {
    this.#pool.add(bytes)
    if (this.#resumed) this.#pool.arrived()
    this.#resumed = false
    if (!this.#pool.isFull || !this.#brake.hold('pool')) return
    this.#pool.countPause()
    this.#pool.whenRoom(this.#resume)
  }
}
