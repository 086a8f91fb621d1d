import type { Clock } from '../../../shared/clock.ts'
import { asHeadwaterError, type HeadwaterError } from '../../../shared/errors.ts'
import { type Ack, encodeAckCbor, encodeAckJson } from '../../../shared/wire/ack.ts'
import { refusalAck } from '../../../shared/wire/refusal-ack.ts'
import { ackTopic } from '../../../shared/wire/topics.ts'
import type { Admission, Principal } from '../../admission/admission.ts'
import { type BatchPayload, decodePayload, nameOf } from './batch-payload.ts'
import { encodeReceipts, noReceipt, packetIdOf, publishQos0, type Receipt } from './packets.ts'
import type { ReadGate } from './read-gate.ts'
import type { Replies, Reply } from './replies.ts'

/** Batches of one connection that are unpacked at once, whatever waits behind them. */
const maxUnpacked = 8

export interface AgentBatchesOptions {
  readonly admission: Admission
  readonly clock: Clock
  readonly principal: Principal
  readonly gate: ReadGate
  readonly replies: Replies
  readonly unanswered: Set<number>
  /** A payload that is no batch and names none, so that no Ack can answer it. */
  readonly onUnanswerable: (error: HeadwaterError, topic: string) => void
}

interface Waiting {
  readonly payload: BatchPayload
  readonly receipt: Receipt
  readonly reply: Reply
}

/**
 * Batches of one agent: given to admission in the order they came, several under way at once, each
 * answered by its Ack and then its PUBACK. The PUBACK says only that the Ack was sent.
 *
 * The Ack goes out whether or not its topic was subscribed to: to send a batch is to ask for it, and
 * a client that resumes a session does not subscribe again.
 */
export class AgentBatches {
  readonly #options: AgentBatchesOptions
  readonly #waiting: Waiting[] = []
  #running = false
  #unpacked = 0
  #onRoom: (() => void) | undefined

  constructor(options: AgentBatchesOptions) {
    this.#options = options
  }

  add(payload: BatchPayload, receipt: Receipt): void {
    const { gate, replies } = this.#options
    gate.take(payload.bytes.length)
    this.#waiting.push({ payload, receipt, reply: replies.open() })
    if (!this.#running) void this.#run()
  }

  /** The connection is over: what admission has not seen is left to the agent. */
  end(): void {
    for (const one of this.#waiting.splice(0)) this.#answer(one, undefined)
  }

  async #run(): Promise<void> {
    this.#running = true
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      if (this.#unpacked >= maxUnpacked) {
        await new Promise<void>((resolve) => {
          this.#onRoom = resolve
        })
      }
      this.#unpacked += 1
      await this.#hand(next)
    }
    this.#running = false
  }

  /** Resolves when admission has the batch; its answer comes later. */
  async #hand(one: Waiting): Promise<void> {
    const { admission, clock, principal, gate } = this.#options
    try {
      const decoded = await decodePayload(one.payload, clock.wallMs())
      const unpackedBytes = decoded.records.data.length
      gate.take(unpackedBytes)
      const wireBytes = one.payload.bytes.length
      void admission.admit({ ...decoded, principal, wireBytes }).then((ack) => {
        gate.release(unpackedBytes)
        this.#settle(one, ack)
      })
    } catch (thrown) {
      this.#settle(one, await this.#refusal(one.payload, asHeadwaterError(thrown)))
    }
  }

  async #refusal(payload: BatchPayload, error: HeadwaterError): Promise<Ack | undefined> {
    const name = await nameOf(payload)
    if (name) return refusalAck(name, error)
    this.#options.onUnanswerable(error, payload.topic)
    return undefined
  }

  #settle(one: Waiting, ack: Ack | undefined): void {
    this.#unpacked -= 1
    this.#onRoom?.()
    this.#onRoom = undefined
    this.#answer(one, ack)
  }

  #answer({ payload, receipt, reply }: Waiting, ack: Ack | undefined): void {
    const { gate, unanswered } = this.#options
    gate.release(payload.bytes.length)
    if (receipt !== noReceipt) unanswered.delete(packetIdOf(receipt))
    if (!ack) return reply.settle()
    const body = payload.stream === undefined ? encodeAckCbor(ack) : encodeAckJson(ack)
    const receipts = encodeReceipts(receipt === noReceipt ? [] : [receipt])
    reply.settle(Buffer.concat([publishQos0(ackTopic(payload.device), body), receipts]))
  }
}
