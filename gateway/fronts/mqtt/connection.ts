import type { Socket } from 'node:net'
import type { IConnectPacket, Packet } from 'mqtt-packet'
import { asHeadwaterError, HeadwaterError } from '../../../shared/errors.ts'
import { isLoopback } from '../../../shared/listen-address.ts'
import { Brake } from './brake.ts'
import type { FrontParts } from './front-parts.ts'
import { peerCertificate } from '../tls/peer-certificate.ts'
import type { Client, Peer } from './greeting.ts'
import { InboundParser } from './inbound-parser.ts'
import { type CloseReason, overdue } from './keepalive.ts'
import { Outbound } from './outbound.ts'
import { connack } from './packets.ts'
import { ReadGate } from './read-gate.ts'
import { Session } from './session.ts'
import type { Wire } from './wire.ts'

/** Ends after which the client should still read what was written to it. */
const graceful: ReadonlySet<CloseReason> = new Set([
  'client',
  'refused',
  'rejected',
  'unauthorized',
  'revoked',
  'taken_over',
  'stopping'
])

/** One socket: bytes in, bytes out, its clocks, and the CONNECT that turns it into a session. */
export class Connection implements Wire {
  readonly outbound: Outbound
  readonly brake: Brake
  readonly gate: ReadGate
  readonly #parts: FrontParts
  readonly #socket: Socket
  readonly #parser: InboundParser
  readonly #times: {
    readonly acceptedMs: number
    heardMs: number
    closedMs: number | undefined
    keepaliveSeconds: number | undefined
  }
  #session: Session | undefined

  constructor(parts: FrontParts, socket: Socket) {
    const { pool, clock, limits } = parts
    const nowMs = clock.monoMs()
    this.#parts = parts
    this.#socket = socket
    this.#times = {
      acceptedMs: nowMs,
      heardMs: nowMs,
      closedMs: undefined,
      keepaliveSeconds: undefined
    }
    this.outbound = new Outbound(socket)
    this.brake = new Brake(socket, clock)
    this.gate = new ReadGate(this.brake, { pool, limitBytes: limits.pendingBytes })
    this.#parser = new InboundParser(limits, (packet, bytes) => this.#receive(packet, bytes))
    socket.on('data', (chunk: Buffer) => this.#read(() => this.#parser.push(chunk)))
    socket.on('end', () => this.close('client'))
    socket.on('close', () => this.close('client'))
    socket.on('error', () => undefined) // What matters of it is the close that follows.
  }

  get isOpen(): boolean {
    return this.#times.closedMs === undefined
  }

  get isPaused(): boolean {
    return this.brake.sinceMs !== undefined
  }

  /** Looks at the connection's clocks. */
  tick(nowMs: number): void {
    const pausedSinceMs = this.brake.sinceMs
    if (pausedSinceMs !== undefined) this.#times.heardMs = nowMs
    if (this.#session?.isRevoked) this.close('revoked')
    const late = overdue({ ...this.#times, pausedSinceMs }, nowMs, this.#parts.limits)
    if (late === 'gone') this.#socket.destroy()
    else if (late) this.close(late)
  }

  heedBound(): boolean {
    if (this.outbound.bytes <= this.#parts.limits.outboundBytes) return true
    this.close('slow_consumer')
    return false
  }

  close(reason: CloseReason): void {
    if (!this.isOpen) return
    this.#times.closedMs = this.#parts.clock.monoMs()
    this.#parts.tally.close(reason)
    this.#parser.close()
    this.#session?.end(reason)
    this.gate.close()
    if (!graceful.has(reason)) {
      this.#socket.destroy()
      return
    }
    // Read on, for nothing: unread bytes at the close would turn into a reset, which takes away from
    // the client what it has not read yet.
    this.#socket.resume()
    this.#socket.end()
  }

  /** Reads no more; resolves when all that was read is answered and the connection closed. */
  drain(): Promise<void> {
    this.brake.hold('draining')
    return new Promise((resolve) => {
      const close = () => {
        this.close('stopping')
        resolve()
      }
      if (this.#session) this.#session.whenAnswered(close)
      else close()
    })
  }

  /** Calls `then` when admission holds nothing of this connection any more. */
  whenAnswered(then: () => void): void {
    if (this.#session) this.#session.whenAnswered(then)
    else then()
  }

  #read(parse: () => void): void {
    if (!this.isOpen) return
    this.#times.heardMs = this.#parts.clock.monoMs()
    if (this.#session?.isRevoked) return this.close('revoked')
    try {
      parse()
      if (this.isOpen) this.gate.holdPartial(this.#parser.partialBytes)
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  #fail(thrown: unknown): void {
    const error = asHeadwaterError(thrown)
    if (error.code === 'internal')
      this.#parts.log.error({ error }, 'an mqtt packet was not handled')
    else this.#parts.log.debug({ error }, 'mqtt connection closed')
    if (error.code === 'too_large') this.close('too_large')
    else this.close(error.code === 'invalid' ? 'protocol' : 'internal')
  }

  #receive(packet: Packet, bytes: Buffer): void {
    if (this.#session) return this.#session.receive(packet, bytes)
    if (packet.cmd !== 'connect') throw new HeadwaterError('invalid', 'no CONNECT')
    this.brake.hold('handshake')
    this.#greet(packet).catch((thrown) => this.#fail(thrown))
  }

  async #greet(connect: IConnectPacket): Promise<void> {
    const greeting = await this.#parts.greeter.greet(connect, peerOf(this.#socket))
    if (!this.isOpen) return
    if ('refused' in greeting) {
      this.outbound.send(greeting.refused)
      this.close(greeting.reason)
    } else {
      this.#open(greeting.accepted)
    }
  }

  /** Nothing of the client has been taken before this: it may send messages behind its CONNECT. */
  #open(client: Client): void {
    const { clients } = this.#parts
    // [MQTT-3.1.4-2]
    clients.get(client.id)?.close('taken_over')
    clients.set(client.id, this)
    this.#socket.on('close', () => {
      if (clients.get(client.id) === this) clients.delete(client.id)
    })
    this.#times.keepaliveSeconds = client.keepaliveSeconds
    this.#session = new Session(this.#parts, client, this)
    this.outbound.send(connack(0, this.#session.isPresent))
    this.#read(() => this.#parser.open())
    this.brake.free('handshake')
  }
}

function peerOf(socket: Socket): Peer {
  const address = socket.remoteAddress ?? ''
  const certificate = peerCertificate(socket)
  return { address, loopback: isLoopback(address), ...(certificate ? { certificate } : {}) }
}
