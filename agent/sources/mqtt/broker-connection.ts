import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { IClientOptions, IPublishPacket, MqttClient } from 'mqtt'
import { HeadwaterError } from '../../../shared/errors.ts'
import type { Secret } from '../../../shared/secret.ts'

const keepaliveSeconds = 60
const connectTimeoutMs = 15_000

/** MQTT 3.1.1 sections 3.4 and 3.14; in MQTT 5 the short forms that mean success. */
const pubackHeader = [0x40, 2] as const
const disconnect = Buffer.of(0xe0, 0)

export interface BrokerOptions {
  /** `mqtt:` or `mqtts:` */
  readonly url: URL
  readonly clientId: string
  readonly version: 4 | 5
  readonly user?: string | undefined
  readonly password?: Secret | undefined
  readonly tls: {
    readonly ca?: string | undefined
    readonly cert?: string | undefined
    readonly key?: string | undefined
    readonly insecure: boolean
  }
  /** How many messages a broker of MQTT 5 sends before it waits for a PUBACK. */
  readonly maxInFlight: number
}

export interface BrokerEvents {
  /** Before any message of this connection. `resumed`: the broker kept the session. */
  readonly accepted: (resumed: boolean) => void
  /** The next message comes, and the socket is read on, after `next`. */
  readonly message: (packet: IPublishPacket, next: () => void) => void
}

/** One connection with a session that outlives it. PUBACKs are written by hand, never by the client. */
export class BrokerConnection {
  readonly #client: MqttClient
  readonly #socket: Socket
  readonly #url: URL
  #accepted = false
  /** Whether the broker kept the session. */
  resumed = false
  /** Resolves when the connection is over, for whatever reason. */
  readonly closed: Promise<void>

  private constructor(client: MqttClient, socket: Socket, url: URL) {
    this.#client = client
    this.#socket = socket
    this.#url = url
    this.closed = new Promise((resolve) => {
      client.once('close', () => resolve())
    })
  }

  /** A connection that is being made; see `ready`. Rejects with `config` for an unreadable secret. */
  static async dial(options: BrokerOptions, events: BrokerEvents): Promise<BrokerConnection> {
    // A bundle has the names of a CommonJS library in its default alone.
    const [{ default: mqtt }, password] = await Promise.all([
      import('mqtt'),
      options.password?.read()
    ])
    const socket = dial(options)
    const client = new mqtt.MqttClient(() => socket, clientOptions(options, password))
    const connection = new BrokerConnection(client, socket, options.url)
    client.on('packetreceive', (packet) => {
      if (packet.cmd !== 'connack' || (packet.reasonCode ?? packet.returnCode ?? 0) !== 0) return
      connection.#accepted = true
      connection.resumed = packet.sessionPresent
      events.accepted(packet.sessionPresent)
    })
    // Called back with an error, the client sends no PUBACK and goes on.
    client.handleMessage = (packet, callback) => {
      events.message(packet, () => callback(packet.qos === 1 ? withheld : undefined))
    }
    return connection
  }

  /** Resolves when the broker has accepted. Rejects with `unauthorized` or `transport`. */
  async ready(): Promise<void> {
    try {
      await connected(this.#client)
    } catch (cause) {
      this.abandon()
      throw refusal(this.#url, cause)
    }
  }

  get open(): boolean {
    return this.#accepted && !this.#socket.destroyed
  }

  /**
   * Rejects with `forbidden` or `transport` when the broker refuses one of the topics. What is
   * retained comes with a new subscription only, as far as the protocol knows the difference.
   */
  async subscribe(topics: readonly string[]): Promise<void> {
    const retainHandling = this.#client.options.protocolVersion === 5 ? { rh: 1 } : {}
    try {
      await this.#client.subscribeAsync([...topics], { qos: 1, ...retainHandling })
    } catch (cause) {
      const code = this.open ? 'forbidden' : 'transport'
      throw new HeadwaterError(code, `cannot subscribe to ${topics.join(', ')}`, { cause })
    }
  }

  async unsubscribe(topics: readonly string[]): Promise<void> {
    await this.#client.unsubscribeAsync([...topics])
  }

  acknowledge(ids: readonly number[]): void {
    if (ids.length === 0 || !this.open) return
    const bytes = Buffer.alloc(ids.length * 4)
    for (const [i, id] of ids.entries()) {
      bytes.set(pubackHeader, i * 4)
      bytes.writeUInt16BE(id, i * 4 + 2)
    }
    this.#socket.write(bytes)
  }

  /** Resolves when the last PUBACK is with the kernel, or `deadline` aborts. */
  async close(deadline: AbortSignal): Promise<void> {
    if (this.open && !deadline.aborted) {
      await new Promise<void>((resolve) => {
        this.#socket.once('close', () => resolve())
        deadline.addEventListener('abort', () => resolve(), { once: true })
        this.#socket.end(disconnect, resolve)
      })
    }
    this.abandon()
  }

  abandon(): void {
    this.#client.end(true)
  }
}

const withheld = new Error('the PUBACK is written when the message is durable')

function clientOptions(options: BrokerOptions, password: string | undefined): IClientOptions {
  const { clientId, user, version, maxInFlight } = options
  return {
    clientId,
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
    protocolId: 'MQTT',
    protocolVersion: version,
    clean: false,
    // In MQTT 5 a session ends with its connection unless it is given a life; this one is endless.
    ...(version === 5
      ? { properties: { sessionExpiryInterval: 0xffffffff, receiveMaximum: maxInFlight } }
      : {}),
    keepalive: keepaliveSeconds,
    connectTimeout: connectTimeoutMs,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false
  }
}

function dial({ url, tls: { insecure, ...pem } }: BrokerOptions): Socket {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const secure = url.protocol === 'mqtts:'
  const port = Number(url.port) || (secure ? 8883 : 1883)
  // An address is no server name (RFC 6066 section 3).
  const servername = isIP(host) === 0 ? { servername: host } : {}
  const socket = secure
    ? connectTls({ host, port, ...servername, ...pem, rejectUnauthorized: !insecure })
    : connectTcp({ host, port })
  socket.setNoDelay(true)
  return socket
}

function connected(client: MqttClient): Promise<void> {
  return new Promise((resolve, reject) => {
    client.once('connect', () => resolve())
    // Stays for the whole life: after the connect an error only announces the close.
    client.on('error', reject)
    client.once('close', () => reject(new Error('closed before it was accepted')))
  })
}

/** CONNACK codes of MQTT 3.1.1 section 3.2.2.3 and of MQTT 5 for bad credentials and rights. */
const refusals: readonly unknown[] = [4, 5, 134, 135]

function refusal(url: URL, cause: unknown): HeadwaterError {
  const name = `${url.protocol}//${url.host}`
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (refusals.includes(code)) {
    return new HeadwaterError('unauthorized', `${name} refuses user and password`, { cause })
  }
  const why = cause instanceof Error ? cause.message : String(cause)
  return new HeadwaterError('transport', `${name} cannot be reached: ${why}`, { cause })
}
