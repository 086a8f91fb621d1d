import type { Clock } from '../../shared/clock.ts'
import type { Component } from '../../shared/component.ts'
import type { Log } from '../../shared/log.ts'
import type { SendGate } from '../sender/send-gate.ts'
import type { Transport } from '../sender/transports/transport.ts'
import { CountedTransport } from './counted-transport.ts'
import type { Hold, LinkStats, PeriodStats } from './link-stats.ts'
import type { Metering } from './metering.ts'
import { isQuiet, type QuietHours } from './quiet-hours.ts'
import { projectedMonthBytes } from './usage.ts'
import type { UsageLedger } from './usage-ledger.ts'

/** What may be used of a link. */
export interface LinkBudget {
  /** Bytes; undefined: no limit. */
  readonly day: number | undefined
  readonly month: number | undefined
  /** The last part of both, which only streams of high priority may use. 0 to 1. */
  readonly reserve: number
  /** Whether what moves over a link that is not metered counts, and waits, too. */
  readonly counts: 'all' | 'metered'
}

/** What a stream has to do with the link. */
export interface StreamRules {
  readonly priority: 'normal' | 'high'
  readonly wait: 'never' | 'unmetered'
}

export interface LinkPolicyOptions {
  readonly budget: LinkBudget
  readonly quietHours: readonly QuietHours[]
  readonly rulesOf: (stream: string) => StreamRules
  /** Undefined when no rule asks for it. */
  readonly metering: Metering | undefined
  readonly ledger: UsageLedger
  readonly clock: Clock
  readonly log: Log
}

const minuteMs = 60_000

/** The link is looked at on the full minute, which takes a moment. */
const lookMs = 500

/** A stream that nobody asked about for so long has nothing to send. Longer than the sender waits. */
const forgetMs = 2.5 * minuteMs

/**
 * Decides which streams may use the link now: by budget, time of day, and what the link costs. It
 * only makes them wait; what waits stays in the buffer under the buffer's own limits.
 */
export class LinkPolicy implements Component, SendGate {
  readonly name = 'link'
  readonly #options: LinkPolicyOptions
  /** When streams were asked about, on the monotonic clock; those of the buffer, so it is bounded. */
  readonly #asked = new Map<string, number>()
  readonly #ending = new AbortController()
  #transport: CountedTransport | undefined
  #totalBytes = 0
  #running: Promise<void> | undefined
  #stopped: Promise<void> | undefined

  constructor(options: LinkPolicyOptions) {
    this.#options = options
  }

  /** The folder of the ledger must be there. Rejects with `store_too_new`. */
  async start(): Promise<void> {
    if (this.#running || this.#stopped) return
    await this.#options.ledger.open()
    await this.#look()
    this.#running = this.#run(this.#ending.signal)
  }

  /** After the transport is closed. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  /** The transport that is used from now on. */
  counted(transport: Transport): Transport {
    const { metering } = this.#options
    this.#transport = new CountedTransport(transport, {
      moved: (bytes) => this.#moved(bytes),
      failed: () => metering?.expire()
    })
    return this.#transport
  }

  waitMs(stream: string): number {
    const { clock, ledger } = this.#options
    this.#asked.set(stream, clock.monoMs())
    void this.#look()
    return this.#holdOf(stream) ? minuteMs - (ledger.nowMs() % minuteMs) + lookMs : 0
  }

  stats(): LinkStats {
    const { budget, ledger, metering, quietHours } = this.#options
    this.#transport?.count()
    const now = ledger.now()
    const used = ledger.used()
    return {
      totalBytes: this.#totalBytes,
      periods: [
        periodStats('day', used.day.bytes, budget.day),
        periodStats('month', used.month.bytes, budget.month)
      ],
      projectedMonthBytes: projectedMonthBytes(used, now),
      metered: metering?.metered,
      quiet: isQuiet(quietHours, now.minute),
      clockEstimated: ledger.estimated,
      held: [...this.#asked.keys()].flatMap((stream) => {
        const reason = this.#holdOf(stream)
        return reason ? [{ stream, reason }] : []
      })
    }
  }

  #holdOf(stream: string): Hold | undefined {
    const { quietHours, ledger, metering, rulesOf } = this.#options
    const { priority, wait } = rulesOf(stream)
    const high = priority === 'high'
    if (!high && isQuiet(quietHours, ledger.now().minute)) return 'quiet-hours'
    if (wait === 'unmetered' && metering?.metered) return 'metered'
    return this.#spent(high) ? 'budget' : undefined
  }

  /**
   * May be passed by one batch of a stream, so that one that is larger than the budget is not stuck
   * for ever.
   */
  #spent(high: boolean): boolean {
    const { budget, ledger } = this.#options
    if (!this.#counting) return false
    const share = high ? 1 : 1 - budget.reserve
    const pending = this.#transport?.pendingBytes ?? 0
    const { day, month } = ledger.used()
    const over = (bytes: number, limit = Number.POSITIVE_INFINITY) =>
      bytes + pending >= limit * share
    return over(day.bytes, budget.day) || over(month.bytes, budget.month)
  }

  get #counting(): boolean {
    const { budget, metering } = this.#options
    return budget.counts === 'all' || (metering?.metered ?? true)
  }

  #moved(bytes: number): void {
    this.#totalBytes += bytes
    if (this.#counting) this.#options.ledger.add(bytes)
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, ledger } = this.#options
    while (!signal.aborted) {
      await clock.sleep(minuteMs - (ledger.nowMs() % minuteMs), signal)
      if (!signal.aborted) await this.#everyMinute()
    }
  }

  async #everyMinute(): Promise<void> {
    const { clock, ledger, log } = this.#options
    this.#transport?.count()
    await this.#look()
    const nowMs = clock.monoMs()
    for (const [stream, askedMs] of this.#asked) {
      if (nowMs - askedMs > forgetMs) this.#asked.delete(stream)
    }
    await this.#hangUp().catch((error: unknown) =>
      log.warn({ error }, 'the connection does not close')
    )
    await ledger.keep()
  }

  /** At the link to the gateway in use. */
  async #look(): Promise<void> {
    const { name } = this.#transport ?? {}
    if (name !== undefined) await this.#options.metering?.look(new URL(name).hostname)
  }

  /** Where everything waits, an open connection would only cost what keeps it open. */
  async #hangUp(): Promise<void> {
    const transport = this.#transport
    const streams = [...this.#asked.keys()]
    if (streams.length === 0 || !transport || transport.pendingBytes > 0) return
    if (streams.every((stream) => this.#holdOf(stream))) await transport.reset()
  }

  async #stop(): Promise<void> {
    this.#ending.abort()
    if (!this.#running) return
    await this.#running
    this.#transport?.count()
    await this.#options.ledger.close()
  }
}

function periodStats(
  period: PeriodStats['period'],
  usedBytes: number,
  limitBytes: number | undefined
): PeriodStats {
  if (limitBytes === undefined) return { period, usedBytes }
  return { period, usedBytes, limitBytes, leftBytes: Math.max(0, limitBytes - usedBytes) }
}
