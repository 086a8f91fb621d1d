import type { Clock } from '../../shared/clock.ts'
import type { Random } from '../../shared/random.ts'
import type { PutOutcome, Shard } from '../engines/engine.ts'
import { Alarm } from './alarm.ts'
import { type ByteBudget, LaneShare } from './byte-budget.ts'
import type { LaneMeter } from './lane-meter.ts'
import { halves } from './loose-records.ts'
import { Pace } from './pace.ts'
import {
  entryBytes,
  heldBytes,
  type Parcel,
  type ParcelRow,
  type PutLimit,
  type Run
} from './parcel.ts'
import { judge, type Verdict } from './verdict.ts'

const never = Number.POSITIVE_INFINITY

export interface LaneOptions {
  readonly clock: Clock
  readonly random: Random
  readonly budget: ByteBudget
  readonly owner: LaneOwner
  readonly newRow: () => ParcelRow
  /** How long the oldest record may wait for more while nothing is under way. */
  readonly lingerMs: () => number
  readonly shareBytes: number
  readonly putLimit: PutLimit
  /** The engine chooses the shard, so landing in another one means nothing. */
  readonly anyShard: boolean
  /** What puts are billed by; absent where they are not. */
  readonly payloadUnitBytes?: number
}

/** Who drives the lanes of a stream. */
export interface LaneOwner {
  /** The lane has something to send: let it `depart` soon. */
  offer(lane: Lane): void
  /** A parcel is durable, in the stream or in the dead letters. */
  settle(lane: Lane, parcel: Parcel): void
  /** Parks the only record of a parcel that the engine will never take; resolves when it is durable. */
  park(lane: Lane, parcel: Parcel, message: string): Promise<void>
  /** The shard map is out of date; a lane waits for `release` or `close`. */
  misrouted(): void
  /** Nothing of a lane that was closed is under way any more. */
  closed(): void
}

/**
 * The queue in front of one shard. At most one put is under way for it, and what was attempted is
 * sent again, byte for byte, before anything newer: so order holds under every failure.
 *
 *   resting -> offered -> sent -> resting      `poke`, `depart`, `arrive`
 *                         sent -> parking -> resting   a record is refused for good
 *
 * `gate` tells what may leave: all (`open`), nothing (`waiting`), what was attempted (`closing`);
 * a lane that is `gone` does nothing more.
 */
export class Lane {
  readonly shard: Shard
  readonly #options: LaneOptions
  readonly #pace: Pace
  readonly #share: LaneShare
  readonly #alarm: Alarm
  readonly #row: ParcelRow
  /** Attempted and not settled. */
  #away: readonly Parcel[] = []
  #phase: 'resting' | 'offered' | 'sent' | 'parking' = 'resting'
  #gate: 'open' | 'waiting' | 'closing' | 'gone' = 'open'

  constructor(shard: Shard, options: LaneOptions) {
    this.shard = shard
    this.#pace = new Pace(options.random, options.payloadUnitBytes)
    this.#share = new LaneShare(options.shareBytes, options.budget)
    this.#options = options
    this.#alarm = new Alarm(options.clock, () => this.#poke())
    this.#row = options.newRow()
  }

  get bytes(): number {
    return this.#away.reduce((sum, parcel) => sum + heldBytes(parcel), this.#row.bytes)
  }

  get records(): number {
    return this.#away.reduce((sum, parcel) => sum + parcel.records, this.#row.records)
  }

  get meter(): LaneMeter {
    return this.#pace.meter
  }

  /** Whether nothing was attempted that is not settled. */
  get settled(): boolean {
    return this.#away.length === 0
  }

  /** Whether there is room for so many more bytes in the lane's share. */
  admits(bytes: number): boolean {
    return this.#share.admits(bytes)
  }

  /** When there may be room for them. */
  retryAfterMs(bytes: number): number {
    return this.meter.retryAfterMs(this.#share.excessBytes(bytes))
  }

  add(run: Run): void {
    this.#row.add(run, this.#options.clock.monoMs())
    this.#recount()
    this.#poke()
  }

  /** What leaves with the next put; nothing when the gate fell after the lane was offered. */
  depart(): readonly Parcel[] {
    const again = this.#away.length > 0
    if (this.#dueMs() === never) {
      this.#phase = 'resting'
      return []
    }
    if (!again) this.#away = this.#row.shift(this.#options.putLimit)
    const bytes = this.#away.reduce((sum, parcel) => sum + entryBytes(parcel), 0)
    this.#pace.departed(bytes, this.#options.clock.monoMs(), again)
    this.#phase = 'sent'
    this.#recount()
    return this.#away
  }

  /** The outcomes of what departed, in order. */
  arrive(outcomes: readonly PutOutcome[]): void {
    const verdict = judge(this.#away, outcomes, this.shard.id)
    this.#pace.arrived(verdict, this.#options.clock.monoMs())
    this.#away = verdict.left
    this.#phase = 'resting'
    for (const parcel of verdict.stored) this.#options.owner.settle(this, parcel)
    if (verdict.refused.size > 0) {
      this.#phase = 'parking'
      void this.#isolate(verdict)
      return
    }
    if (verdict.misrouted) this.#putBack(verdict.left)
    if (verdict.misrouted || (verdict.elsewhere && !this.#options.anyShard)) this.#misrouted()
    this.#rest()
  }

  /** Nothing leaves until `release`. */
  hold(): void {
    if (this.#gate === 'open') this.#gate = 'waiting'
  }

  release(): void {
    if (this.#gate === 'waiting') this.#gate = 'open'
    this.#rest()
  }

  /** The shard takes no more: what was attempted is still settled, nothing new leaves. */
  close(): void {
    if (this.#gate !== 'gone') this.#gate = 'closing'
    this.#poke()
  }

  /** `lingerMs` became shorter. */
  hurry(): void {
    this.#poke()
  }

  /** Empties the queue, of a lane that is held or closed and settled. */
  drain(): Parcel[] {
    this.#alarm.cancel()
    const parcels = this.#row.drain()
    this.#recount()
    return parcels
  }

  /** Gives up: whoever waits is told that nothing is known. */
  abandon(error: Error): void {
    this.#gate = 'gone'
    for (const parcel of [...this.#away, ...this.drain()]) {
      for (const span of parcel.spans) span.batch.fail(error)
    }
    this.#away = []
    this.#recount()
  }

  /** Sends what there is when it is time, or sets the alarm for it. */
  #poke(): void {
    if (this.#phase !== 'resting') return
    const dueMs = this.#dueMs()
    if (dueMs > this.#options.clock.monoMs()) {
      if (dueMs < never) this.#alarm.set(dueMs)
      return
    }
    this.#phase = 'offered'
    this.#options.owner.offer(this)
  }

  #dueMs(): number {
    if (this.#gate === 'waiting' || this.#gate === 'gone') return never
    if (this.#away.length > 0) return this.#pace.readyAtMs
    if (this.#gate === 'closing' || this.#row.records === 0) return never
    const lingeredMs = this.#row.full ? 0 : this.#row.sinceMs + this.#options.lingerMs()
    return Math.max(lingeredMs, this.#pace.readyAtMs)
  }

  /** Cuts what was refused in halves until the bad record stands alone, and parks that. */
  async #isolate({ left, refused }: Verdict): Promise<void> {
    const { owner, newRow } = this.#options
    const again: Parcel[] = []
    for (const parcel of left) {
      const message = refused.get(parcel)
      if (message === undefined) again.push(parcel)
      else if (parcel.records > 1) again.push(...halves(parcel, newRow))
      else {
        await owner.park(this, parcel, message)
        if (this.#isGone()) return
        owner.settle(this, parcel)
      }
    }
    this.#phase = 'resting'
    this.#putBack(again)
    this.#rest()
  }

  #isGone(): boolean {
    return this.#gate === 'gone'
  }

  /** What is known not to be stored may be packed anew. */
  #putBack(parcels: readonly Parcel[]): void {
    this.#away = []
    this.#row.unshift(parcels)
  }

  #misrouted(): void {
    if (this.#gate === 'open') this.#gate = 'waiting'
    this.#options.owner.misrouted()
  }

  #rest(): void {
    this.#recount()
    if (this.#gate === 'closing' && this.settled) this.#options.owner.closed()
    else this.#poke()
  }

  #recount(): void {
    this.#share.set(this.bytes)
  }
}
