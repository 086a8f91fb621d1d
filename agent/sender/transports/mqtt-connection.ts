import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { MqttClient } from 'mqtt'
import { HeadwaterError } from '../../../shared/errors.ts'
import { ackTopic } from '../../../shared/wire/topics.ts'
import { loadMqttClient } from './mqtt-library.ts'
import { tlsConnection } from './tls.ts'
import { readToken } from './token-cache.ts'
import type { TransportOptions } from './transport.ts'
import { transportFailure } from './transport-failure.ts'

const keepaliveSeconds = 60

/** CONNACK codes of MQTT 3.1.1 section 3.2.2.3: bad user name or password, not authorized. */
const refusals: readonly unknown[] = [4, 5]

export interface MqttConnectionEvents {
  readonly socket: (socket: Socket) => void
  readonly ack: (payload: Buffer) => void
  /** Whatever ended the connection; may come before `open` settles. */
  readonly closed: () => void
}

/** One life of an MQTT connection: it never reconnects, queues nothing and sends nothing twice. */
export class MqttConnection {
  readonly #client: MqttClient

  private constructor(client: MqttClient) {
    this.#client = client
  }

  /**
   * Resolves when Acks can come in; `signal` cuts the connection, then or later.
   * Rejects with `unauthorized` or `transport`.
   */
  static async open(
    options: TransportOptions,
    events: MqttConnectionEvents,
    signal: AbortSignal
  ): Promise<MqttConnection> {
    const [Client, token] = await Promise.all([loadMqttClient(), readToken(options.token)])
    if (signal.aborted) throw new HeadwaterError('transport', 'the connection was given up')
    const client = new Client(() => dial(options, events), {
      clientId: options.device,
      username: options.device,
      ...(token === undefined ? {} : { password: token }),
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      keepalive: keepaliveSeconds,
      connectTimeout: options.timeoutMs,
      // A lost connection is the transport's to replace: the library would send again by itself.
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false
    })
    signal.addEventListener('abort', () => client.end(true), { once: true })
    client.on('close', events.closed)
    client.on('message', (_topic, payload) => events.ack(payload))
    try {
      await connected(client)
      await client.subscribeAsync(ackTopic(options.device), { qos: 1 })
    } catch (cause) {
      client.end(true)
      throw refusal(options.url, cause)
    }
    return new MqttConnection(client)
  }

  /** Hands the batch to the socket at once. A PUBACK means nothing here: only the Ack does. */
  publish(topic: string, payload: Buffer): void {
    this.#client.publish(topic, payload, { qos: 1 }, () => undefined)
  }
}

function dial({ url, tls }: TransportOptions, events: MqttConnectionEvents): Socket {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const secure = url.protocol === 'mqtts:'
  const port = Number(url.port) || (secure ? 8883 : 1883)
  const socket = secure
    ? connectTls({ host, port, ...serverName(host), ...tlsConnection(tls) })
    : connectTcp({ host, port })
  socket.setNoDelay(true)
  events.socket(socket)
  return socket
}

/** An address is no server name (RFC 6066 section 3). */
function serverName(host: string): { servername?: string } {
  return isIP(host) === 0 ? { servername: host } : {}
}

function connected(client: MqttClient): Promise<void> {
  return new Promise((resolve, reject) => {
    client.once('connect', () => resolve())
    // Stays for the whole life: after the connect an error only announces the close.
    client.on('error', reject)
    client.once('close', () => reject(new Error('closed before it was accepted')))
  })
}

function refusal(url: URL, cause: unknown): HeadwaterError {
  const name = `${url.protocol}//${url.host}`
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  return refusals.includes(code)
    ? new HeadwaterError('unauthorized', `${name} refuses device and token`, { cause })
    : transportFailure(name, cause)
}
