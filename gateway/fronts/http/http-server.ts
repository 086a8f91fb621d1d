import {
  createServer as createHttpServer,
  type RequestListener,
  type ServerOptions
} from 'node:http'
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { asHeadwaterError, HeadwaterError } from '../../../shared/errors.ts'
import type { Clock } from '../../../shared/clock.ts'
import type { Log } from '../../../shared/log.ts'
import { guardPeers } from '../tls/guard-peers.ts'
import { contextOptions, serverOptions, type TlsSource } from '../tls/tls-source.ts'
import { errorBody, sendError } from './answer.ts'

export interface HttpListener {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** Absent: cleartext. */
  readonly tls?: TlsSource
  /** Nothing but this is served, on any path. */
  readonly only?: 'osmand'
}

export interface HttpServerLimits {
  readonly headerBytes: number
  /** From the start of a request to the end of its headers; before it, as long for a TLS handshake. Milliseconds. */
  readonly headersTimeoutMs: number
  /** From the start of a request to the end of its body. Milliseconds. */
  readonly bodyTimeoutMs: number
  /** How long an idle connection is kept. Milliseconds. */
  readonly keepAliveMs: number
  /** More are refused. */
  readonly connections: number
}

/** The longest stream or shard name and some more; what is longer matches no route. */
const maxParamLength = 256

/** A server without routes: its limits, and errors as `{ code, message }`, whatever goes wrong. */
export async function httpServer(
  { tls }: HttpListener,
  context: { readonly limits: HttpServerLimits; readonly clock: Clock; readonly log: Log }
): Promise<FastifyInstance> {
  const { limits, log } = context
  const { fastify } = await import('fastify')
  const server: ServerOptions = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.bodyTimeoutMs,
    keepAliveTimeout: limits.keepAliveMs,
    // How often the two timeouts are looked at.
    connectionsCheckingInterval: Math.min(5000, Math.ceil(limits.headersTimeoutMs / 2))
  }
  const onClosing: (() => void)[] = []
  const onClose = (close: () => void) => onClosing.push(close)
  const app: FastifyInstance = fastify({
    serverFactory: (handler) => {
      const made = tls
        ? secureServer(tls, { server, handler, onClose, ...context })
        : createHttpServer(server, handler)
      made.maxConnections = limits.connections
      return made
    },
    routerOptions: { maxParamLength },
    exposeHeadRoutes: false,
    clientErrorHandler: answerClientError,
    // The framework would repeat the path, with the token that may follow it.
    frameworkErrors: (cause, _request, reply) => {
      void sendError(
        reply,
        new HeadwaterError('invalid', 'the path is not well-formed, or a part of it is too long', {
          cause
        })
      )
    }
  })
  app.addHook('preClose', async () => {
    for (const close of onClosing) close()
  })
  // Bodies are read by the handlers, once they know who sends and how much room there is.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.setErrorHandler((thrown, request, reply) => {
    const error = ours(thrown)
    if (error.code === 'internal') {
      log.error({ error, method: request.method, path: request.routeOptions.url }, 'request failed')
    }
    return sendError(reply, error)
  })
  app.setNotFoundHandler((request, reply) => {
    const path = `${request.method} ${request.url.split('?', 1)[0]}`
    return sendError(
      reply,
      new HeadwaterError('not_found', `no such path: ${path}; GET / lists them`)
    )
  })
  return app
}

function secureServer(
  tls: TlsSource,
  { server, handler, onClose, ...context }: SecureServerOptions
): HttpsServer {
  const settings = tls.current()
  const made = createHttpsServer({ ...server, ...serverOptions(settings) }, handler)
  const handshakeTimeoutMs = context.limits.headersTimeoutMs
  const auth = settings.clients?.auth
  const handshakes = guardPeers(made, { ...context, auth, handshakeTimeoutMs })
  onClose(() => handshakes.close())
  tls.onChange((next) => made.setSecureContext(contextOptions(next)))
  return made
}

interface SecureServerOptions {
  readonly server: ServerOptions
  readonly handler: RequestListener
  /** Calls back when the server is to close. */
  readonly onClose: (close: () => void) => void
  readonly limits: HttpServerLimits
  readonly clock: Clock
  readonly log: Log
}

/** The framework's own refusals have a status; what a client did wrong is not a defect of ours. */
function ours(thrown: unknown): HeadwaterError {
  const status = (thrown as { readonly statusCode?: unknown } | null)?.statusCode
  const clients = typeof status === 'number' && status >= 400 && status < 500
  return asHeadwaterError(thrown, clients ? 'invalid' : 'internal')
}

const clientErrors: Readonly<Record<string, readonly [string, string, string]>> = {
  HPE_HEADER_OVERFLOW: ['431', 'too_large', 'the headers are over the limit'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408', 'invalid', 'the request took too long to arrive']
}

/** Answers what is no HTTP, too long or too slow; there is no request to answer through. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, code, message] = clientErrors[error.code ?? ''] ?? [
    '400',
    'invalid',
    'this is not an HTTP request'
  ]
  const body = errorBody(code, message)
  const head = `HTTP/1.1 ${status} Refused\r\nContent-Type: application/json\r\nConnection: close`
  socket.end(`${head}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
}
