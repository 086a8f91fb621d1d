import type { Socket } from 'node:net'

/** Counts the bytes that one socket after another has moved. */
export class SocketMeter {
  #before = 0
  #sockets = 0
  #socket: Socket | undefined

  watch(socket: Socket): void {
    this.#before = this.bytes
    this.#sockets += 1
    this.#socket = socket
  }

  /** How many there were. */
  get sockets(): number {
    return this.#sockets
  }

  /** Bytes read, and bytes written that the kernel has taken. Only rises. */
  get bytes(): number {
    const socket = this.#socket
    if (!socket) return this.#before
    return (
      this.#before + socket.bytesRead + Math.max(0, socket.bytesWritten - socket.writableLength)
    )
  }
}
