import type { IPublishPacket } from 'mqtt-packet'
import { HeadwaterError } from '../../../shared/errors.ts'
import { AgentBatches } from './agent-batches.ts'
import type { FrontParts } from './front-parts.ts'
import type { Client } from './greeting.ts'
import { type Ending, Ingest } from './ingest.ts'
import { encodeReceipts, noReceipt, receiptOf, requirePacketId } from './packets.ts'
import type { Qos2Session } from './qos2-store.ts'
import type { ReadGate } from './read-gate.ts'
import type { RefusalReason } from './refusals.ts'
import type { Replies } from './replies.ts'
import { isWellFormedTopic, type Publication } from './topic-rules.ts'

export interface InboxOptions {
  readonly parts: FrontParts
  readonly client: Client
  readonly qos2: Qos2Session
  readonly gate: ReadGate
  readonly replies: Replies
  /** Something was refused that the client must not send again: it is closed when all is answered. */
  readonly onRefused: () => void
}

/** What one client publishes, sorted: records, batches of an agent, and what is the broker's. */
export class Inbox {
  readonly #options: InboxOptions
  readonly #ingest: Ingest
  readonly #batches: AgentBatches
  /** Packet ids without an acknowledgement; a DUP of one is the same message. */
  readonly #unanswered = new Set<number>()
  /** A device publishes on the same topic again and again. */
  #topic = ''
  #publication: Publication | undefined

  constructor(options: InboxOptions) {
    const { parts, client, qos2, gate, replies } = options
    const shared = {
      admission: parts.admission,
      clock: parts.clock,
      principal: client.principal,
      gate,
      replies,
      unanswered: this.#unanswered
    }
    this.#options = options
    this.#ingest = new Ingest({
      ...shared,
      random: parts.random,
      qos2,
      giveUp: parts.giveUp,
      onRefused: ({ topic, reason, message, qos }) => this.#refuse(qos, topic, { reason, message }),
      onDropped: (count) => {
        parts.tally.droppedQos0 += count
      }
    })
    this.#batches = new AgentBatches({
      ...shared,
      onUnanswerable: ({ kind, message }, topic) =>
        this.#refuse(1, topic, { reason: kind.ack, message })
    })
  }

  /** Returns true when the message is not ours but the broker's. Throws `invalid` or `too_large`. */
  publish(packet: IPublishPacket, wireBytes: number): boolean {
    const { topic, qos, dup } = packet
    const messageId = qos > 0 ? requirePacketId(packet.messageId) : 0
    const publication = this.#publicationOf(topic)
    if (publication.to === 'broker') return true
    if (dup && qos > 0 && this.#unanswered.has(messageId)) return false
    if (publication.to === 'refused') {
      this.#refuse(qos, topic, publication)
    } else if (publication.to === 'batch') {
      this.#takeBatch(packet, publication.stream)
    } else if (qos < 2 || this.#isNewQos2(messageId)) {
      this.#take(packet, publication, wireBytes)
    }
    return false
  }

  /** The connection is over; see `Ingest.end`. */
  end(ending: Ending): void {
    this.#batches.end()
    this.#ingest.end(ending)
  }

  #publicationOf(topic: string): Publication {
    if (topic === this.#topic && this.#publication) return this.#publication
    if (!isWellFormedTopic(topic)) throw new HeadwaterError('invalid', 'PUBLISH on no valid topic')
    const { parts, client } = this.#options
    this.#publication = parts.rules.publication(topic, client)
    this.#topic = topic
    return this.#publication
  }

  #take(
    { qos, messageId = 0, payload }: IPublishPacket,
    { stream, key, as }: Publication & { to: 'stream' },
    wireBytes: number
  ): void {
    const receipt = qos === 0 ? noReceipt : receiptOf(messageId, qos)
    if (qos > 0) this.#unanswered.add(messageId)
    this.#ingest.add({
      topic: this.#topic,
      stream,
      key,
      payload: bytesOf(payload),
      as,
      promised: qos > 0,
      receipt,
      wireBytes
    })
  }

  #takeBatch({ qos, messageId = 0, payload }: IPublishPacket, stream: string | undefined): void {
    const { parts, client, gate } = this.#options
    parts.tally.batches += 1
    gate.allow(parts.limits.pendingBatchBytes)
    this.#ingest.seal()
    if (qos > 0) this.#unanswered.add(messageId)
    this.#batches.add(
      {
        topic: this.#topic,
        device: client.device ?? '',
        stream,
        bytes: bytesOf(payload)
      },
      qos === 0 ? noReceipt : receiptOf(messageId, qos)
    )
  }

  /** False for a repeat, which gets the PUBREC of the first copy. */
  #isNewQos2(packetId: number): boolean {
    const { parts, qos2, replies } = this.#options
    const state = qos2.state(packetId)
    if (state === 'unknown') {
      if (qos2.size >= parts.limits.qos2Messages) {
        throw new HeadwaterError('too_large', `${qos2.size} QoS 2 messages wait for their PUBREL`)
      }
      qos2.begin(packetId)
      return true
    }
    if (this.#unanswered.has(packetId)) return false
    this.#ingest.seal()
    const reply = replies.open()
    const pubrec = encodeReceipts([receiptOf(packetId, 2)])
    if (state === 'stored') {
      reply.settle(pubrec)
    } else {
      this.#unanswered.add(packetId)
      qos2.wait(packetId, (stored) => {
        this.#unanswered.delete(packetId)
        reply.settle(stored ? pubrec : undefined)
        // The first copy is lost and this one was not kept: the client brings it again.
        if (!stored) this.#options.onRefused()
      })
    }
    return false
  }

  #refuse(
    qos: 0 | 1 | 2,
    topic: string,
    { reason, message }: { reason: RefusalReason; message: string }
  ): void {
    const { parts, client, onRefused } = this.#options
    parts.refusals.add({ reason, message, device: client.defaultKey, topic })
    if (qos > 0 || reason === 'forbidden' || reason === 'unauthorized') onRefused()
  }
}

function bytesOf(payload: Buffer | string): Buffer {
  return typeof payload === 'string' ? Buffer.from(payload) : payload
}
