import type { EventEmitter } from 'node:events'
import type { Aedes, AedesOptions, Client } from 'aedes'
import { generate } from 'mqtt-packet'
import type { Log } from '../../../shared/log.ts'
import { Interceptor } from './interceptor.ts'

/** QoS 2 messages of one client that aedes may store until their PUBREL. */
const maxInflightInbound = 64

export interface BrokerWill {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: 0 | 1 | 2
}

/**
 * aedes, for everything between clients: subscriptions, and topics without a route where
 * `pubsub` is on. It sees each client behind an `Interceptor`, as one with a clean session, no
 * keepalive and nothing retained: what aedes would keep for absent clients and for topics it keeps
 * in memory without a bound.
 */
export class Broker {
  readonly #log: Log
  #aedes: Aedes | undefined

  constructor(log: Log) {
    this.#log = log
  }

  async start(): Promise<void> {
    const { Aedes } = await import('aedes')
    const options: AedesOptions = {
      maxInflightInbound,
      // Ids carry the device in front of the client's own.
      maxClientsIdLength: 65_535,
      // Also asked for the will, when the client is gone.
      authorizePublish: (client, packet, done) => {
        packet.retain = false
        const isSilent = client !== null && interceptorOf(client)?.isSilent
        done(isSilent ? new Error('nothing more is published for this client') : null)
      },
      authorizeSubscribe: (client, subscription, done) => {
        const allowed = interceptorOf(client)?.subscribe(subscription.topic) ?? false
        done(null, allowed ? subscription : null)
      },
      authorizeForward: (client, packet) =>
        interceptorOf(client)?.mayDeliver(packet.topic) ? packet : null
    }
    this.#aedes = await Aedes.createBroker(options)
    // Its types leave out the event for which every emitter needs a listener.
    const events: EventEmitter = this.#aedes
    events.on('error', (error) => this.#log.error({ error }, 'mqtt broker failed'))
  }

  /** Makes the broker take `interceptor` for a new client. `id` is unlike that of any other. */
  attach(interceptor: Interceptor, id: string, will: BrokerWill | undefined): void {
    this.#aedes?.handle(interceptor)
    interceptor.begin(
      generate({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clientId: id,
        clean: true,
        keepalive: 0,
        ...(will ? { will: { ...will, retain: false } } : {})
      })
    )
  }

  async close(): Promise<void> {
    const aedes = this.#aedes
    if (aedes) await new Promise<void>((resolve) => aedes.close(() => resolve()))
  }
}

function interceptorOf(client: Client): Interceptor | undefined {
  return client.conn instanceof Interceptor ? client.conn : undefined
}
