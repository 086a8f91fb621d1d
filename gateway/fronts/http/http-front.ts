import type { AddressInfo, Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { BytePool } from '../../../shared/byte-pool.ts'
import type { Clock } from '../../../shared/clock.ts'
import type { Component } from '../../../shared/component.ts'
import type { Health } from '../../../shared/health-server.ts'
import { listenError } from '../../../shared/listen-error.ts'
import type { Log } from '../../../shared/log.ts'
import type { Admission } from '../../admission/admission.ts'
import type { StreamAdmin, StreamEngine } from '../../engines/engine.ts'
import type { RemoteConfigs } from '../../remote-config/remote-configs.ts'
import { Access } from './access.ts'
import { BodyReader } from './body-reader.ts'
import { configRoutes } from './config-routes.ts'
import { deviceRoutes } from './device-routes.ts'
import { healthRoutes } from './health-routes.ts'
import { type HttpListener, type HttpServerLimits, httpServer } from './http-server.ts'
import { ingestRoutes } from './ingest-routes.ts'
import { readRoute } from './read-route.ts'
import { streamRoutes } from './stream-routes.ts'
import type { TrackerOptions } from './trackers/tracker-intake.ts'
import { osmandOnly, trackerRoutes } from './trackers/tracker-routes.ts'

export interface HttpLimits extends HttpServerLimits {
  /** Largest body as it comes. Bytes. */
  readonly bodyBytes: number
  /** All bodies being read, and all being unpacked, each. Bytes. */
  readonly poolBytes: number
  /** How long a body waits for room in the pool. Milliseconds. */
  readonly poolWaitMs: number
  /** When a batch is not durable by then, 503 is answered while the work goes on. Milliseconds. */
  readonly deadlineMs: number
}

export interface HttpFrontOptions {
  readonly listeners: readonly HttpListener[]
  readonly admission: Admission
  readonly engine: StreamEngine
  /** Absent when the engine's streams are administered elsewhere. */
  readonly admin?: StreamAdmin
  readonly health: Health
  /** Absent: agents are given no configuration. */
  readonly configs?: RemoteConfigs
  readonly trackers: TrackerOptions
  readonly limits: HttpLimits
  readonly clock: Clock
  readonly log: Log
}

export interface HttpFrontStats {
  readonly connections: number
  /** Bytes of bodies being read now. */
  readonly bodyBytes: number
  /** Bodies refused because the pool was full. */
  readonly refusedBodies: number
}

/** Records, reading and administration over HTTP. */
export class HttpFront implements Component {
  readonly name = 'http'
  readonly #options: HttpFrontOptions
  readonly #reading: BytePool
  readonly #unpacking: BytePool
  readonly #stopping = new AbortController()
  readonly #servers: FastifyInstance[] = []
  #connections = 0
  #stopped: Promise<void> | undefined

  constructor(options: HttpFrontOptions) {
    this.#options = options
    const { poolBytes, poolWaitMs, connections } = options.limits
    const pool = { maxBytes: poolBytes, waitMs: poolWaitMs, maxWaiting: connections }
    this.#reading = new BytePool({ ...pool, clock: options.clock })
    this.#unpacking = new BytePool({ ...pool, clock: options.clock })
  }

  /** Rejects with `port_taken`, or with `config` for an address that is not this machine's. */
  async start(signal: AbortSignal): Promise<void> {
    for (const listener of this.#options.listeners) {
      if (signal.aborted || this.#stopped) return
      const app = await httpServer(listener, this.#options)
      this.#servers.push(app)
      app.server.on('connection', (socket: Socket) => {
        this.#connections += 1
        socket.once('close', () => {
          this.#connections -= 1
        })
      })
      this.#addRoutes(app, listener)
      await listen(app, listener)
    }
  }

  /** Where the listeners are, in their order. */
  ports(): readonly number[] {
    return this.#servers.map((app) => portOf(app.server.address()))
  }

  stop(deadline: AbortSignal): Promise<void> {
    this.#stopped ??= this.#stop(deadline)
    return this.#stopped
  }

  stats(): HttpFrontStats {
    return {
      connections: this.#connections,
      bodyBytes: this.#reading.usedBytes + this.#unpacking.usedBytes,
      refusedBodies: this.#reading.refused + this.#unpacking.refused
    }
  }

  #addRoutes(app: FastifyInstance, { only }: HttpListener): void {
    const { admission, engine, admin, health, configs, trackers, clock, limits } = this.#options
    const access = new Access(admission)
    const bodies = new BodyReader({
      maxBytes: limits.bodyBytes,
      reading: this.#reading,
      unpacking: this.#unpacking
    })
    const { deadlineMs } = limits
    const ingest = { admission, access, bodies, deadlineMs, clock }
    if (only === 'osmand') return osmandOnly(app, { ...ingest, ...trackers })
    trackerRoutes(app, { ...ingest, ...trackers })
    ingestRoutes(app, ingest)
    readRoute(app, { access, engine, clock, stopping: this.#stopping.signal })
    healthRoutes(app, { health, access })
    deviceRoutes(app, { access, admission })
    if (configs) configRoutes(app, { access, bodies, configs })
    // A scope of its own, so that its hook guards these routes and no others.
    app.register(async (scope) => streamRoutes(scope, { access, bodies, engine, admin }))
  }

  async #stop(deadline: AbortSignal): Promise<void> {
    this.#stopping.abort()
    const cut = () => {
      for (const { server } of this.#servers) server.closeAllConnections()
    }
    if (deadline.aborted) cut()
    deadline.addEventListener('abort', cut, { once: true })
    try {
      await Promise.all(this.#servers.map((app) => app.close()))
    } finally {
      deadline.removeEventListener('abort', cut)
    }
  }
}

async function listen(app: FastifyInstance, { host, port, only }: HttpListener): Promise<void> {
  try {
    await app.listen({ host, port })
  } catch (cause) {
    const setting = only === 'osmand' ? 'trackers.osmand.listen:' : '--http'
    throw listenError({ host, port }, setting, cause)
  }
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0
}
