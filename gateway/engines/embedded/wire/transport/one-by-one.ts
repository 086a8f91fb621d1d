import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { HttpHandler } from './http-exchange.ts'

/** A connection that sends on without waiting for answers is cut off when so many requests wait. */
const maxWaiting = 100

/**
 * Handles the requests of one HTTP/1.1 connection one after the other, each when the answer before
 * it is with the client: their answers go out in this order anyway, and would wait in memory.
 */
export function oneByOne(
  handler: HttpHandler
): (request: IncomingMessage, response: ServerResponse) => void {
  const lines = new WeakMap<Socket, (() => void)[]>()
  return (request, response) => {
    const { socket } = request
    const start = () => {
      response.once('close', () => startNext(socket))
      handler(request, response)
    }
    const line = lines.get(socket)
    if (!line) {
      lines.set(socket, [])
      start()
    } else if (line.length < maxWaiting) line.push(start)
    else socket.destroy()
  }

  function startNext(socket: Socket): void {
    const next = socket.destroyed ? undefined : lines.get(socket)?.shift()
    if (next) next()
    else lines.delete(socket)
  }
}
