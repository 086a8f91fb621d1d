import type { Clock } from '../../../shared/clock.ts'

/** Why a socket is not read. */
export type BrakeReason = 'handshake' | 'pending' | 'pool' | 'broker' | 'draining'

/** What of a socket the brake moves. */
export interface Pausable {
  pause(): unknown
  resume(): unknown
}

/** Keeps a socket from being read while there is any reason to. */
export class Brake {
  readonly #socket: Pausable
  readonly #clock: Clock
  readonly #reasons = new Set<BrakeReason>()
  #sinceMs: number | undefined
  #released = false

  constructor(socket: Pausable, clock: Clock) {
    this.#socket = socket
    this.#clock = clock
  }

  /** Since when the socket is not read; `Clock.monoMs`. */
  get sinceMs(): number | undefined {
    return this.#sinceMs
  }

  /** Returns false when there was this reason already, or the brake is released for good. */
  hold(reason: BrakeReason): boolean {
    if (this.#released || this.#reasons.has(reason)) return false
    if (this.#reasons.size === 0) {
      this.#socket.pause()
      this.#sinceMs = this.#clock.monoMs()
    }
    this.#reasons.add(reason)
    return true
  }

  free(reason: BrakeReason): void {
    if (!this.#reasons.delete(reason) || this.#reasons.size > 0 || this.#released) return
    this.#sinceMs = undefined
    this.#socket.resume()
  }

  /** The connection is over; its socket is moved no more. */
  release(): void {
    this.#released = true
    this.#sinceMs = undefined
  }
}
