import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { generate, type IConnectPacket, type Packet, type PacketCmd, parser } from 'mqtt-packet'
import { settle } from './manual-clock.ts'

export const publish = (
  topic: string,
  payload: string | Buffer,
  options: { qos?: 0 | 1 | 2; id?: number; dup?: boolean; retain?: boolean } = {}
): Buffer =>
  generate({
    cmd: 'publish',
    topic,
    payload,
    qos: options.qos ?? 1,
    dup: options.dup ?? false,
    retain: options.retain ?? false,
    ...((options.qos ?? 1) > 0 ? { messageId: options.id ?? 1 } : {})
  })

export const connectPacket = (options: Partial<IConnectPacket> = {}): Buffer =>
  generate({
    cmd: 'connect',
    clientId: 'device-1',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    keepalive: 0,
    ...options
  })

export const subscribe = (topic: string, id = 1): Buffer =>
  generate({ cmd: 'subscribe', messageId: id, subscriptions: [{ topic, qos: 1 }] })

export const ping = generate({ cmd: 'pingreq' })
export const disconnect = generate({ cmd: 'disconnect' })
export const pubrel = (id: number): Buffer => generate({ cmd: 'pubrel', messageId: id })

/** An MQTT client that writes exactly the bytes it is told to and keeps every packet it gets. */
export class RawMqtt {
  readonly socket: Socket
  readonly received: Packet[] = []
  /** One entry for each chunk that the socket delivered. */
  readonly chunks: Buffer[] = []
  closed = false

  private constructor(socket: Socket) {
    this.socket = socket
    const packets = parser()
    packets.on('packet', (packet) => this.received.push(packet))
    socket.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk)
      packets.parse(chunk)
    })
    socket.on('close', () => {
      this.closed = true
    })
    socket.on('error', () => undefined)
    socket.setNoDelay(true)
  }

  static async open(t: TestContext, port: number): Promise<RawMqtt> {
    const socket = connect(port, '127.0.0.1')
    t.after(() => socket.destroy())
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.once('connect', resolve)
    })
    return new RawMqtt(socket)
  }

  /** Connected and accepted. */
  static async connected(
    t: TestContext,
    port: number,
    options: Partial<IConnectPacket> = {}
  ): Promise<RawMqtt> {
    const client = await RawMqtt.open(t, port)
    client.write(connectPacket(options))
    const connack = await client.next('connack')
    if (connack.cmd !== 'connack' || connack.returnCode !== 0) throw new Error('not accepted')
    return client
  }

  write(...parts: Buffer[]): void {
    this.socket.write(Buffer.concat(parts))
  }

  all(cmd: PacketCmd): Packet[] {
    return this.received.filter((packet) => packet.cmd === cmd)
  }

  /** Packet ids of all packets of this kind, in the order they came. */
  ids(cmd: PacketCmd): (number | undefined)[] {
    return this.all(cmd).map((packet) => packet.messageId)
  }

  /** Waits until `count` packets of this kind have come; resolves with the last. */
  async next(cmd: PacketCmd, count = 1): Promise<Packet> {
    await until(() => this.all(cmd).length >= count, `${count} ${cmd}`)
    return this.all(cmd)[count - 1] as Packet
  }

  async gone(): Promise<void> {
    await until(() => this.closed, 'the connection to be closed')
  }
}

/** Waits for something that the event loop will bring. */
export async function until(condition: () => boolean, what = 'a condition'): Promise<void> {
  const end = Date.now() + 30_000
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`)
    await delay(1)
  }
}

/** Long enough for everything that is on its way over loopback to arrive and be dealt with. */
export async function quiet(): Promise<void> {
  await delay(30)
  // A busy machine may have let that time pass without a look at the sockets.
  await settle(20)
}
