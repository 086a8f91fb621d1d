import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { cleanUp } from './cleanup.ts'

/** A record header that announces a long ClientHello, and the first bytes of that. */
const halfHello = Buffer.from('1603013e8001003e7c0303', 'hex')

interface HalfHandshake {
  readonly socket: Socket
  readonly isClosed: boolean
}

/** A connection that is silent, or has sent half a ClientHello. */
export async function halfHandshake(
  t: TestContext,
  port: number,
  sent: Buffer = halfHello
): Promise<HalfHandshake> {
  const socket = connect(port, '127.0.0.1')
  cleanUp(t, () => socket.destroy())
  const peer = { socket, isClosed: false }
  socket.on('error', () => undefined)
  socket.on('close', () => {
    peer.isClosed = true
  })
  socket.resume()
  await once(socket, 'connect')
  if (sent.length > 0) socket.write(sent)
  return peer
}
