import type { Broker } from './broker.ts'
import type { FrontParts } from './front-parts.ts'
import type { Client } from './greeting.ts'
import { Interceptor } from './interceptor.ts'
import type { Wire } from './wire.ts'

/**
 * One client as the broker sees it, made when the client first needs the broker: most only publish,
 * and never do.
 */
export class BrokerLink {
  readonly #parts: FrontParts
  readonly #broker: Broker
  readonly #client: Client
  readonly #wire: Wire
  /** QoS 2 messages that aedes has, until their PUBREL. */
  readonly #qos2 = new Set<number>()
  #interceptor: Interceptor | undefined

  constructor(options: { parts: FrontParts; broker: Broker; client: Client; wire: Wire }) {
    const { parts, broker, client, wire } = options
    this.#parts = parts
    this.#broker = broker
    this.#client = client
    this.#wire = wire
    // The broker can publish a will only for a client that it knows.
    if (client.brokerWill) this.#attach()
  }

  /** A packet that only the broker understands. */
  forward(packet: Buffer): void {
    const interceptor = this.#interceptor ?? this.#attach()
    interceptor.forward(packet)
  }

  publish(packet: Buffer, qos2Id: number | undefined): void {
    if (qos2Id !== undefined) this.#qos2.add(qos2Id)
    this.forward(packet)
  }

  /** Whether a PUBREL is the broker's. */
  release(packetId: number): boolean {
    return this.#qos2.delete(packetId)
  }

  unsubscribe(filters: readonly string[], packet: Buffer): void {
    this.forward(packet)
    this.#interceptor?.unsubscribe(filters)
  }

  /** A packet that answers the broker; without a broker it answers nothing. */
  answer(packet: Buffer): void {
    this.#interceptor?.forward(packet)
  }

  /** The client is gone; `silently` with nothing more published for it, its will neither. */
  close(silently: boolean): void {
    if (silently) this.#interceptor?.silence()
    this.#interceptor?.destroy()
  }

  #attach(): Interceptor {
    const { rules, limits } = this.#parts
    const { device, id, brokerWill } = this.#client
    const { outbound, brake } = this.#wire
    const interceptor = new Interceptor({
      device,
      rules,
      maxSubscriptions: limits.subscriptions,
      onBytes: (chunks) => outbound.relay(chunks),
      onFull: (full) => {
        if (full) brake.hold('broker')
        else brake.free('broker')
      },
      mayWrite: () => this.#wire.heedBound(),
      onClosed: () => this.#wire.close('broker')
    })
    this.#interceptor = interceptor
    this.#broker.attach(interceptor, id, brokerWill)
    return interceptor
  }
}
