import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createSecureServer } from 'node:tls'
import {
  generate,
  type IConnectPacket,
  type IPublishPacket,
  type Packet,
  parser
} from 'mqtt-packet'
import { type Ack, encodeAckCbor, encodeAckJson } from '../../shared/wire/ack.ts'
import { ackTopic } from '../../shared/wire/topics.ts'
import {
  ackOf,
  type FakeGateway,
  readCbor,
  readJson,
  type Reply,
  Script
} from './fake-gateway-script.ts'

/** A gateway's MQTT front as far as a transport can see it, behaving as its script says. */
export class FakeMqttGateway implements FakeGateway {
  refusing = false
  /** CONNACK code while refusing. */
  refusal = 5
  connections = 0
  /** All packets, over all connections, in the order of arrival. */
  readonly packets: Packet[] = []
  /** Answers publishes with a PUBACK; a real gateway sends it after the Ack. */
  pubacks = true
  readonly #script = new Script()
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #secure: boolean

  private constructor(tls: { cert: string; key: string } | undefined) {
    this.#secure = tls !== undefined
    const handle = (socket: Socket) => this.#accept(socket)
    this.#server = tls ? createSecureServer(tls, handle) : createServer(handle)
  }

  static async open(tls?: { cert: string; key: string }): Promise<FakeMqttGateway> {
    const gateway = new FakeMqttGateway(tls)
    gateway.#server.listen(0, '127.0.0.1')
    await once(gateway.#server, 'listening')
    return gateway
  }

  get url(): URL {
    const { port } = this.#server.address() as AddressInfo
    return new URL(`${this.#secure ? 'mqtts' : 'mqtt'}://127.0.0.1:${port}`)
  }

  get received() {
    return this.#script.received
  }

  get script(): Reply[] {
    return this.#script.replies
  }

  get connects(): IConnectPacket[] {
    return this.packets.filter((packet) => packet.cmd === 'connect')
  }

  arrived(count: number): Promise<void> {
    return this.#script.arrived(count)
  }

  /** Writes an Ack in CBOR on all connections, whenever the test wants it. */
  say(device: string, ack: Ack): void {
    const message = {
      cmd: 'publish',
      topic: ackTopic(device),
      payload: encodeAckCbor(ack)
    } as const
    for (const socket of this.#sockets) {
      socket.write(generate({ ...message, qos: 0, dup: false, retain: false }))
    }
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #accept(socket: Socket): void {
    this.connections += 1
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => undefined)
    const session = { token: undefined as string | undefined }
    const incoming = parser()
    let turn = Promise.resolve()
    incoming.on('packet', (packet) => {
      this.packets.push(packet)
      turn = turn.then(() => this.#handle(packet, socket, session))
    })
    socket.on('data', (bytes) => incoming.parse(bytes))
  }

  async #handle(packet: Packet, socket: Socket, session: { token?: string | undefined }) {
    if (packet.cmd === 'connect') {
      session.token = packet.password?.toString()
      const returnCode = this.refusing ? this.refusal : 0
      socket.write(generate({ cmd: 'connack', returnCode, sessionPresent: false }))
    } else if (packet.cmd === 'subscribe') {
      const granted = packet.subscriptions.map(({ qos }) => qos)
      socket.write(generate({ cmd: 'suback', messageId: packet.messageId ?? 0, granted }))
    } else if (packet.cmd === 'publish') {
      await this.#publish(packet, socket, session.token)
    }
  }

  async #publish(packet: IPublishPacket, socket: Socket, token: string | undefined) {
    const stream = /^headwater\/v1\/[^/]+\/batch\.json\/([^/]+)$/.exec(packet.topic)?.[1]
    const body = Buffer.from(packet.payload)
    const received = stream ? await readJson(body, stream, token) : await readCbor(body, token)
    const reply = this.#script.next(received)
    if (reply === 'cut') {
      socket.destroy()
      return
    }
    if (reply !== 'hang') {
      const { header } = received
      const ack = ackOf(header, typeof reply === 'string' ? { first: header.first + 1 } : reply)
      const encoded = stream ? encodeAckJson(ack) : encodeAckCbor(ack)
      const payload = reply === 'page' ? 'not an Ack' : encoded
      const topic = ackTopic(header.device)
      socket.write(generate({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false }))
    }
    if (this.pubacks) socket.write(generate({ cmd: 'puback', messageId: packet.messageId ?? 0 }))
  }
}
