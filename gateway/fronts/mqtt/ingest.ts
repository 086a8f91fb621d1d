import { Backoff } from '../../../shared/backoff.ts'
import type { Clock } from '../../../shared/clock.ts'
import type { Random } from '../../../shared/random.ts'
import type { Ack } from '../../../shared/wire/ack.ts'
import type { Admission, Principal } from '../../admission/admission.ts'
import { encodeReceipts, isQos2, packetIdOf } from './packets.ts'
import type { Qos2Session } from './qos2-store.ts'
import type { ReadGate } from './read-gate.ts'
import type { Replies } from './replies.ts'
import { type Lot, type Message, type RefusedMessage, Round } from './round.ts'

/** What a held message costs beside its packet: its place in the columns and two small objects. */
const messageOverheadBytes = 128

/** First and longest wait before what was throttled is offered again, beyond what was asked. */
const retryWait = { firstMs: 100, maxMs: 5000 }

/** How long after its end a connection's last messages are still offered to a throttled stream. */
const afterlifeMs = 60_000

export interface IngestOptions {
  readonly admission: Admission
  readonly clock: Clock
  readonly random: Random
  readonly principal: Principal
  readonly gate: ReadGate
  readonly replies: Replies
  readonly qos2: Qos2Session
  /** Packet ids that have no acknowledgement yet. */
  readonly unanswered: Set<number>
  /** Aborts when the gateway stops waiting for anything. */
  readonly giveUp: AbortSignal
  /** A message was refused for good. */
  readonly onRefused: (refused: RefusedMessage) => void
  /** Messages were given up that nobody will send again. */
  readonly onDropped: (count: number) => void
}

/** How a connection ended. */
export interface Ending {
  /** Its client said goodbye and sends nothing again. */
  readonly orderly: boolean
  /** What is published in its name now. */
  readonly will?: Message | undefined
}

/**
 * The plain messages of one connection on their way to admission. What comes while one round is
 * under way makes the next: a connection has one commit in flight, so its order holds even when a
 * round is throttled and offered again.
 */
export class Ingest {
  readonly #options: IngestOptions
  /** The first is under way. */
  readonly #rounds: Round[] = []
  /** The last round, while it takes more messages. */
  #growing: Round | undefined
  /** Wakes what waits for its next attempt when the connection ends. */
  #wake: AbortController | undefined
  #endedMs: number | undefined

  constructor(options: IngestOptions) {
    this.#options = options
  }

  add(message: Message): void {
    const { gate, clock } = this.#options
    const round = this.#growing ?? this.#open()
    round.add(message, clock.wallMs())
    const bytes = message.wireBytes + messageOverheadBytes
    round.chargedBytes += bytes
    gate.take(bytes)
  }

  /** What comes later stands behind replies that are opened by others now. */
  seal(): void {
    this.#growing = undefined
  }

  /**
   * The connection is over. After an orderly end all is carried through; otherwise what admission
   * has not seen is left to the client. The will is last.
   */
  end({ orderly, will }: Ending): void {
    this.#endedMs = this.#options.clock.monoMs()
    this.#growing = undefined
    if (orderly) for (const round of this.#rounds) round.lasting = true
    else for (const round of this.#rounds.splice(1)) this.#abandon(round)
    if (will) {
      this.#open().lasting = true
      this.add(will)
    }
    this.#wake?.abort()
  }

  #open(): Round {
    const round = new Round(this.#options.replies.open())
    this.#growing = round
    // The microtask comes after the socket's read, so all packets of the read are in the round.
    if (this.#rounds.push(round) === 1) queueMicrotask(() => void this.#run())
    return round
  }

  async #run(): Promise<void> {
    for (let round = this.#rounds[0]; round; round = this.#rounds[0]) {
      if (this.#growing === round) this.#growing = undefined
      const carried = round
      await Promise.all(carried.lots.map((lot) => this.#carry(carried, lot)))
      this.#finish(round)
      this.#rounds.shift()
    }
  }

  /** Offers a lot until it is stored, refused for good, or given up. */
  async #carry(round: Round, lot: Lot): Promise<void> {
    const { admission, clock, random, principal, onRefused, onDropped, giveUp } = this.#options
    const { stream, wireBytes } = lot
    const batch = { principal, stream, wireBytes, records: lot.columns() }
    const backoff = new Backoff({ ...retryWait, random })
    for (;;) {
      const ack = await admission.admit(batch)
      if (!isPassing(ack)) {
        for (const refused of round.judge(lot, ack)) onRefused(refused)
        return
      }
      if (!lot.promised) return onDropped(round.giveUp(lot))
      if (this.#endedMs === undefined) this.#wake ??= new AbortController()
      const wake = this.#endedMs === undefined ? this.#wake?.signal : giveUp
      if (!this.#isOver(round)) await clock.sleep(backoff.next(ack.retryAfterMs), wake)
      if (this.#isOver(round)) return onDropped(round.giveUp(lot))
    }
  }

  #isOver(round: Round): boolean {
    const { clock, giveUp } = this.#options
    if (this.#endedMs === undefined) return false
    return !round.lasting || giveUp.aborted || clock.monoMs() - this.#endedMs >= afterlifeMs
  }

  #abandon(round: Round): void {
    for (const lot of round.lots) this.#options.onDropped(round.giveUp(lot))
    this.#finish(round)
  }

  #finish(round: Round): void {
    const { qos2, unanswered, gate } = this.#options
    const { durable, failed } = round.receipts()
    for (const receipt of durable) {
      unanswered.delete(packetIdOf(receipt))
      if (isQos2(receipt)) qos2.stored(packetIdOf(receipt))
    }
    for (const receipt of failed) {
      unanswered.delete(packetIdOf(receipt))
      if (isQos2(receipt)) qos2.forget(packetIdOf(receipt))
    }
    round.reply.settle(durable.length > 0 ? encodeReceipts(durable) : undefined)
    gate.release(round.chargedBytes)
  }
}

/** Whether the same records may be taken later. */
function isPassing(ack: Ack): boolean {
  return ack.code === 'throttled' || ack.code === 'unavailable' || ack.code === 'out_of_order'
}
