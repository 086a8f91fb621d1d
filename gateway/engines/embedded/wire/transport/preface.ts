import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Clock } from '../../../../../shared/clock.ts'

/** What a client that knows that we speak HTTP/2 sends first (RFC 9113, section 3.4). */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

/**
 * Which version of HTTP a new connection speaks, told by its first bytes, which stay readable.
 * Undefined when it ended, or said too little within `waitMs`.
 */
export async function sniffVersion(
  socket: Socket,
  { clock, waitMs }: { readonly clock: Clock; readonly waitMs: number }
): Promise<1 | 2 | undefined> {
  const ended = new AbortController()
  const end = () => ended.abort()
  socket.once('close', end)
  socket.on('error', end)
  void clock.sleep(waitMs, ended.signal).then(end)
  try {
    return await firstBytes(socket, ended.signal)
  } catch {
    return undefined
  } finally {
    socket.off('close', end)
    socket.off('error', end)
    end()
  }
}

/** Rejects when `signal` aborts and when the connection breaks. */
async function firstBytes(socket: Socket, signal: AbortSignal): Promise<1 | 2 | undefined> {
  let seen = Buffer.alloc(0)
  while (!socket.readableEnded) {
    const bytes: Buffer | null = socket.read()
    if (bytes) seen = Buffer.concat([seen, bytes])
    const length = Math.min(seen.length, preface.length)
    const differs = preface.compare(seen, 0, length, 0, length) !== 0
    if (differs || length === preface.length) {
      socket.unshift(seen)
      return differs ? 1 : 2
    }
    await once(socket, 'readable', { signal })
  }
  return undefined
}
