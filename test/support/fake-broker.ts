import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import mqttPacket, { type IPublishPacket, type Packet } from 'mqtt-packet'
import { cleanUp } from './cleanup.ts'

/** A broker of one session: it sends what it is told to, again after a reconnect, until it is acked. */
export class FakeBroker {
  /** Packet ids of the PUBACKs that came, in order. */
  readonly acked: number[] = []
  readonly subscribed: string[][] = []
  readonly unsubscribed: string[][] = []
  readonly clientIds: string[] = []
  /** Off: PUBACKs are read and forgotten, as if the connection had lost them. */
  hears = true
  readonly #server: Server
  readonly #inFlight = new Map<number, IPublishPacket>()
  readonly #sockets = new Set<Socket>()
  #client: Socket | undefined
  #session = false
  #nextId = 1

  constructor(t: TestContext) {
    this.#server = createServer((socket) => this.#serve(socket))
    cleanUp(t, () => this.close())
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (typeof address !== 'object' || !address) throw new Error('no address')
    return `mqtt://127.0.0.1:${address.port}`
  }

  get connected(): boolean {
    return this.#client !== undefined
  }

  get unacked(): readonly number[] {
    return [...this.#inFlight.keys()]
  }

  /** As QoS 1; kept until it is acked. */
  publish(
    topic: string,
    payload: string,
    about: { messageId?: number; retain?: boolean } = {}
  ): void {
    const messageId = about.messageId ?? this.#nextId++
    const packet: IPublishPacket = {
      ...{ cmd: 'publish', qos: 1, dup: false, retain: about.retain ?? false },
      ...{ topic, payload, messageId }
    }
    this.#inFlight.set(messageId, packet)
    this.#client?.write(mqttPacket.generate(packet))
  }

  /** The connection breaks; the session stays. */
  disconnect(): void {
    this.#client?.destroy()
    this.#client = undefined
  }

  /** The session is gone, with all that was in flight. */
  forget(): void {
    this.disconnect()
    this.#session = false
    this.#inFlight.clear()
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    if (this.#server.listening) this.#server.close()
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    const parser = mqttPacket.parser()
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#sockets.delete(socket)
      if (this.#client === socket) this.#client = undefined
    })
    socket.on('data', (bytes) => parser.parse(bytes))
    parser.on('packet', (packet) => this.#answer(socket, packet))
  }

  #answer(socket: Socket, packet: Packet): void {
    const send = (answer: Packet) => socket.write(mqttPacket.generate(answer))
    if (packet.cmd === 'connect') {
      this.clientIds.push(packet.clientId)
      const again = [...this.#inFlight.values()].map((one) => ({ ...one, dup: true }))
      const connack = { cmd: 'connack', returnCode: 0, sessionPresent: this.#session } as const
      this.#session = true
      this.#client = socket
      // In one piece, so that the first messages come together with the answer.
      const pieces = [connack, ...again].map((one) => mqttPacket.generate(one))
      socket.write(Buffer.concat(pieces))
    } else if (packet.cmd === 'subscribe') {
      this.subscribed.push(packet.subscriptions.map(({ topic }) => topic))
      const granted = packet.subscriptions.map(() => 1)
      send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted })
    } else if (packet.cmd === 'unsubscribe') {
      this.unsubscribed.push(packet.unsubscriptions)
      send({ cmd: 'unsuback', messageId: packet.messageId ?? 0, granted: [] })
    } else if (packet.cmd === 'puback' && this.hears) {
      this.acked.push(packet.messageId ?? 0)
      this.#inFlight.delete(packet.messageId ?? 0)
    } else if (packet.cmd === 'pingreq') {
      send({ cmd: 'pingresp' })
    }
  }
}
