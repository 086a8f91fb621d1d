import type { Clock } from '../../shared/clock.ts'
import { asHeadwaterError } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'

export interface PutTroubleOptions {
  readonly stream: string
  readonly clock: Clock
  readonly log: Log
}

/** How often it is said of a stream while it lasts: every lane tries again every few seconds. */
const sayEveryMs = 60_000

/** Whether an engine stores what it is given, why it does not, and what the log is told of it. */
export class PutTrouble {
  readonly #options: PutTroubleOptions
  #reason: string | undefined
  #saidMs = Number.NEGATIVE_INFINITY
  #isSaid = false

  constructor(options: PutTroubleOptions) {
    this.#options = options
  }

  /** Why a put was not stored, until one is. That a shard throttles is no reason. */
  get reason(): string | undefined {
    return this.#reason
  }

  /** A put was not stored and is tried again. `cause`: what was thrown, or the engine's words. */
  note(cause: { readonly error: unknown } | { readonly reason: string }): void {
    const { stream, clock, log } = this.#options
    this.#reason = 'reason' in cause ? cause.reason : asHeadwaterError(cause.error).message
    const nowMs = clock.monoMs()
    if (nowMs - this.#saidMs < sayEveryMs) return
    this.#saidMs = nowMs
    this.#isSaid = true
    log.warn({ ...cause, stream }, 'the engine does not store records, trying again')
  }

  /** A put was stored. */
  over(): void {
    this.#reason = undefined
    if (!this.#isSaid) return
    this.#isSaid = false
    this.#options.log.info({ stream: this.#options.stream }, 'the engine stores records again')
  }
}
