import type { Clock } from '../../../shared/clock.ts'

/** Reading resumes when this share of a bound is in use, so that it does not stop again at once. */
const resumeShare = 0.8

/** Bytes that all connections together hold for messages without an answer. */
export class PendingPool {
  readonly #maxBytes: number
  readonly #waiting = new Set<() => void>()
  #usedBytes = 0
  #pauses = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  get isFull(): boolean {
    return this.#usedBytes >= this.#maxBytes
  }

  /** How often a connection was stopped at its own bound or at that of all. */
  get pauses(): number {
    return this.#pauses
  }

  countPause(): void {
    this.#pauses += 1
  }

  /** What is given back is negative. */
  add(bytes: number): void {
    this.#usedBytes += bytes
    if (this.#waiting.size === 0 || this.#usedBytes > this.#maxBytes * resumeShare) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const resume of waiting) resume()
  }

  whenRoom(resume: () => void): void {
    this.#waiting.add(resume)
  }

  forget(resume: () => void): void {
    this.#waiting.delete(resume)
  }
}

/** Why a socket is not read. */
export type Block = 'handshake' | 'pending' | 'pool' | 'broker' | 'draining'

/** What of a socket the gate moves. */
export interface Pausable {
  pause(): unknown
  resume(): unknown
}

/** Decides whether one socket is read: not while what came before is too much to hold. */
export class ReadGate {
  readonly #socket: Pausable
  readonly #pool: PendingPool
  readonly #clock: Clock
  readonly #blocks = new Set<Block>()
  readonly #resume = () => this.unblock('pool')
  #limitBytes: number
  #pendingBytes = 0
  #partialBytes = 0
  #pausedSinceMs: number | undefined
  #closed = false

  constructor(socket: Pausable, options: { pool: PendingPool; clock: Clock; limitBytes: number }) {
    this.#socket = socket
    this.#pool = options.pool
    this.#clock = options.clock
    this.#limitBytes = options.limitBytes
  }

  /** Since when the socket is not read; `Clock.monoMs`. */
  get pausedSinceMs(): number | undefined {
    return this.#pausedSinceMs
  }

  /** Raises the connection's own bound; it never falls. */
  allow(limitBytes: number): void {
    this.#limitBytes = Math.max(this.#limitBytes, limitBytes)
  }

  /** Holds the bytes of a message until its answer. */
  take(bytes: number): void {
    this.#pendingBytes += bytes
    this.#pool.add(bytes)
    if (this.#pendingBytes >= this.#limitBytes) this.block('pending')
    this.#heedPool()
  }

  release(bytes: number): void {
    this.#pendingBytes -= bytes
    if (this.#pendingBytes <= this.#limitBytes * resumeShare) this.unblock('pending')
    this.#pool.add(-bytes)
  }

  /** An unfinished packet counts for all connections, not for its own: it must come to its end. */
  holdPartial(bytes: number): void {
    if (bytes === this.#partialBytes) return
    this.#pool.add(bytes - this.#partialBytes)
    this.#partialBytes = bytes
    this.#heedPool()
  }

  block(why: Block): void {
    if (this.#closed) return
    if (this.#blocks.size === 0) {
      this.#socket.pause()
      this.#pausedSinceMs = this.#clock.monoMs()
    }
    if (!this.#blocks.has(why) && (why === 'pending' || why === 'pool')) this.#pool.countPause()
    this.#blocks.add(why)
  }

  unblock(why: Block): void {
    if (!this.#blocks.delete(why) || this.#blocks.size > 0 || this.#closed) return
    this.#pausedSinceMs = undefined
    this.#socket.resume()
  }

  /** The connection is over: it holds only what admission holds, and no longer stops its socket. */
  close(): void {
    this.holdPartial(0)
    this.#closed = true
    this.#pool.forget(this.#resume)
  }

  #heedPool(): void {
    if (!this.#pool.isFull || this.#closed || this.#blocks.has('pool')) return
    this.block('pool')
    this.#pool.whenRoom(this.#resume)
  }
}
