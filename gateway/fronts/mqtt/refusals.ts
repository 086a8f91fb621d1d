import type { Clock } from '../../../shared/clock.ts'
import type { AckCode } from '../../../shared/errors.ts'
import type { Log } from '../../../shared/log.ts'
import { RareLog } from '../../../shared/rare-log.ts'

/** Why a message was refused for good: by its topic, or the code of admission's answer. */
export type RefusalReason = 'no_route' | AckCode

export interface Refusal {
  readonly reason: RefusalReason
  readonly message: string
  readonly device: string
  readonly topic: string
}

/**
 * Messages that were refused for good, counted and named in the log.
 *
 * MQTT 3.1.1 cannot refuse a message, and a PUBACK would be a lie. So a message of QoS 1 or 2 gets no
 * answer and its connection is closed, once everything else that came with it is durable and
 * acknowledged: a client that sends it again after each reconnect still brings the messages around
 * it through. One of QoS 0 is dropped, and its connection stays open unless it was `forbidden`.
 */
export class Refusals {
  /** A device that is set up wrongly sends the same message for ever. */
  readonly #lines: RareLog
  readonly #counts = new Map<RefusalReason, number>()

  constructor(clock: Clock, log: Log) {
    this.#lines = new RareLog(clock, log)
  }

  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts)
  }

  add(refusal: Refusal): void {
    this.#counts.set(refusal.reason, (this.#counts.get(refusal.reason) ?? 0) + 1)
    const { reason, message, device, topic } = refusal
    this.#lines.warn(
      { reason, message, device, topic: topic.slice(0, 200) },
      'mqtt message refused'
    )
  }
}
