import type { ISubscribePacket, Packet } from 'mqtt-packet'
import { HeadwaterError } from '../../../shared/errors.ts'
import { BrokerLink } from './broker-link.ts'
import type { FrontParts } from './front-parts.ts'
import type { Client } from './greeting.ts'
import { Inbox } from './inbox.ts'
import type { Ending } from './ingest.ts'
import type { CloseReason } from './keepalive.ts'
import { pingresp, pubcomp, requirePacketId, suback, unsuback } from './packets.ts'
import type { Qos2Session } from './qos2-store.ts'
import { Replies } from './replies.ts'
import { isAckTopic } from './topic-rules.ts'
import type { Wire } from './wire.ts'

/**
 * One client from its CONNACK on: what it publishes goes to its inbox, what is between clients to
 * the broker, and the rest is answered here.
 */
export class Session {
  readonly #parts: FrontParts
  readonly #client: Client
  readonly #wire: Wire
  readonly #qos2: Qos2Session
  readonly #replies: Replies
  readonly #inbox: Inbox
  /** Only where clients may talk to each other. */
  readonly #link: BrokerLink | undefined
  #state: 'open' | 'refusing' | 'ended' = 'open'

  constructor(parts: FrontParts, client: Client, wire: Wire) {
    this.#parts = parts
    this.#client = client
    this.#wire = wire
    this.#qos2 = parts.qos2.open(client.id, client.clean)
    this.#replies = new Replies((bytes) => this.#send(bytes))
    const { broker } = parts
    this.#link = broker && new BrokerLink({ parts, broker, client, wire })
    this.#inbox = new Inbox({
      parts,
      client,
      qos2: this.#qos2,
      gate: wire.gate,
      replies: this.#replies,
      onRefused: () => this.#closeWhenAnswered()
    })
  }

  /** Whether something of an earlier connection is remembered, for the CONNACK. */
  get isPresent(): boolean {
    return this.#qos2.size > 0
  }

  /** Whether its access was taken away since it connected. */
  get isRevoked(): boolean {
    return this.#client.principal.revoked.aborted
  }

  /** Takes the next packet; `bytes` are those of the whole. Throws `invalid` or `too_large`. */
  receive(packet: Packet, bytes: Buffer): void {
    switch (packet.cmd) {
      case 'publish': {
        this.#parts.tally.messages += 1
        const isForBroker = this.#inbox.publish(packet, bytes.length)
        if (isForBroker) this.#link?.publish(bytes, packet.qos === 2 ? packet.messageId : undefined)
        return
      }
      case 'pingreq':
        return this.#send(pingresp)
      case 'disconnect':
        return this.#disconnect(bytes)
      case 'pubrel':
        return this.#release(requirePacketId(packet.messageId), bytes)
      case 'subscribe':
        return this.#subscribe(packet, bytes)
      case 'unsubscribe':
        requireSome(packet.unsubscriptions)
        if (this.#link) return this.#link.unsubscribe(packet.unsubscriptions, bytes)
        return this.#send(unsuback(requirePacketId(packet.messageId)))
      case 'puback':
      case 'pubrec':
      case 'pubcomp':
        return this.#link?.answer(bytes)
      default:
        throw new HeadwaterError('invalid', `a client does not send ${packet.cmd}`)
    }
  }

  /** The connection is over: nothing is sent any more, what admission has is carried through. */
  end(reason: CloseReason): void {
    if (this.#state === 'ended') return
    // Neither a gateway that restarts nor an operator who revokes a device says that it is gone.
    const isGone = reason !== 'stopping' && !this.isRevoked
    this.#finish({ orderly: false, will: isGone ? this.#client.will : undefined })
    this.#link?.close(!isGone)
  }

  /** Calls `then` when every message that came has its answer. */
  whenAnswered(then: () => void): void {
    this.#replies.whenIdle(then)
  }

  #disconnect(bytes: Buffer): void {
    this.#finish({ orderly: true })
    // aedes drops the will and then closes its side.
    this.#link?.answer(bytes)
    this.#wire.close('client')
  }

  #finish(ending: Ending): void {
    this.#state = 'ended'
    this.#inbox.end(ending)
    if (!this.#client.clean) this.#parts.qos2.keep(this.#client.id, this.#qos2)
  }

  /** An agent that subscribes to its Acks does not need the broker: the front writes those itself. */
  #subscribe({ subscriptions, messageId }: ISubscribePacket, bytes: Buffer): void {
    requireSome(subscriptions)
    const { device } = this.#client
    const isForAcks = subscriptions.every(({ topic }) => isAckTopic(topic, device))
    if (this.#link && !isForAcks) return this.#link.forward(bytes)
    const granted = subscriptions.map(({ topic }) => (isAckTopic(topic, device) ? 0 : 0x80))
    this.#send(suback(requirePacketId(messageId), granted))
  }

  #release(packetId: number, bytes: Buffer): void {
    if (this.#link?.release(packetId)) return this.#link.forward(bytes)
    if (this.#qos2.state(packetId) === 'pending') {
      throw new HeadwaterError('invalid', 'PUBREL before PUBREC')
    }
    // Also for an id that nobody remembers, or the client would wait for ever ([MQTT-4.3.3-2]).
    this.#qos2.release(packetId)
    this.#send(pubcomp(packetId))
  }

  /** What else came in the same read is still taken, so a bad message does not hold up the good. */
  #closeWhenAnswered(): void {
    if (this.#state !== 'open') return
    this.#state = 'refusing'
    this.#wire.brake.hold('draining')
    queueMicrotask(() => this.whenAnswered(() => this.#wire.close('refused')))
  }

  #send(bytes: Buffer): void {
    if (this.#state === 'ended') return
    this.#wire.outbound.send(bytes)
    this.#wire.heedBound()
  }
}

function requireSome(list: readonly unknown[]): void {
  if (list.length === 0) throw new HeadwaterError('invalid', 'SUBSCRIBE or UNSUBSCRIBE of nothing')
}
