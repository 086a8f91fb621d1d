import type { Log } from '../../shared/log.ts'
import type { Pause } from './pause.ts'
import type { Verdict } from './verdicts.ts'

/** What is known of the way to the gateway, for all streams together. */
export class Link {
  readonly #pause: Pause
  readonly #log: Log
  #attempt = 0
  #unauthorized = false

  constructor(pause: Pause, log: Log) {
    this.#pause = pause
    this.#log = log
  }

  /**
   * Each batch is sent in an attempt, and the first bad news ends it: what else was in flight then
   * says the same again and counts no more.
   */
  get attempt(): number {
    return this.#attempt
  }

  get waitMs(): number {
    return this.#pause.waitMs
  }

  /** One batch at a time, until its answer shows that the way is open again. */
  get probing(): boolean {
    return this.#pause.troubled
  }

  get unauthorized(): boolean {
    return this.#unauthorized
  }

  /** Takes note of a verdict on a batch of this attempt. True when it is the news that ends it. */
  note(verdict: Verdict, attempt: number): boolean {
    if (attempt !== this.#attempt) return false
    if (verdict.kind === 'lost') this.#failed(verdict.retryAfterMs, verdict.error)
    else if (verdict.kind === 'wait' && verdict.scope === 'gateway') {
      this.#failed(verdict.retryAfterMs)
    } else if (verdict.kind === 'hold' && verdict.scope === 'gateway') this.#refused(verdict.why)
    else {
      this.#answered()
      return false
    }
    this.#attempt += 1
    return true
  }

  #failed(retryAfterMs: number, error?: Error): void {
    if (!this.#pause.troubled) {
      this.#log.warn({ error }, 'the gateway cannot take records now, trying again')
    }
    this.#pause.retry(retryAfterMs)
  }

  #refused(why: string): void {
    if (!this.#unauthorized) {
      this.#log.error({ why }, 'the gateway refuses this device: check its id and token')
    }
    this.#unauthorized = true
    this.#pause.probeSlowly()
  }

  #answered(): void {
    if (this.#pause.troubled) this.#log.info('the gateway takes records again')
    this.#unauthorized = false
    this.#pause.end()
  }
}
