import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { ListenAddress } from '../../../shared/listen-address.ts'
import { peerName } from './peers.ts'
import { listenFailure, type Port, type Receiver } from './port.ts'
import type { SyslogAddress } from './syslog-address.ts'

interface DatagramPortOptions {
  readonly address: SyslogAddress
  readonly receiver: Receiver
  /** Asked of the kernel, which may give less (`net.core.rmem_max`). Bytes. */
  readonly recvBufferSize: number
  readonly maxMessageBytes: number
}

/** One message a datagram. Nobody can be made to wait, so what finds no room is dropped, counted. */
export class DatagramPort implements Port {
  readonly #options: DatagramPortOptions
  #socket: Socket | undefined

  constructor(options: DatagramPortOptions) {
    this.#options = options
  }

  get address(): ListenAddress | undefined {
    const bound = this.#socket?.address()
    return bound && { host: bound.address, port: bound.port }
  }

  async open(): Promise<void> {
    const { address, recvBufferSize } = this.#options
    const type = isIPv6(address.host) ? 'udp6' : 'udp4'
    const socket = createSocket({ type, recvBufferSize })
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (cause) => reject(listenFailure(address, cause)))
      socket.bind(address.port, address.host, resolve)
    })
    socket.removeAllListeners('error')
    // An unreachable peer of the past is reported here; the socket goes on.
    socket.on('error', () => undefined)
    socket.on('message', (bytes, from) => this.#received(bytes, from))
    this.#socket = socket
  }

  async close(): Promise<void> {
    const socket = this.#socket
    if (!socket) return
    this.#socket = undefined
    await new Promise<void>((resolve) => {
      socket.close(resolve)
    })
  }

  #received(datagram: Buffer, from: RemoteInfo): void {
    const { receiver, maxMessageBytes } = this.#options
    const peer = peerName(from.address)
    if (!receiver.allows(peer)) return receiver.problem('refused_peer')
    if (receiver.full) return receiver.problem('dropped_datagram')
    const whole = withoutEnd(datagram)
    if (whole.length === 0) return
    const cut = whole.length > maxMessageBytes
    receiver.message(cut ? whole.subarray(0, maxMessageBytes) : whole, { peer, cut })
  }
}

/** Without the ends of line and NULs that many put behind a message. */
function withoutEnd(bytes: Buffer): Buffer {
  let end = bytes.length
  while (end > 0 && [0, 0x0a, 0x0d].includes(bytes[end - 1] as number)) end -= 1
  return bytes.subarray(0, end)
}
