import { BytePool } from '../../../../shared/byte-pool.ts'
import type { Component } from '../../../../shared/component.ts'
import { HeadwaterError } from '../../../../shared/errors.ts'
import {
  formatListenAddress,
  isLoopback,
  type ListenAddress
} from '../../../../shared/listen-address.ts'
import type { Secret } from '../../../../shared/secret.ts'
import { Authenticator } from './auth/authenticator.ts'
import { controlOperations } from './control/control-operations.ts'
import { dataOperations } from './data/data-operations.ts'
import { fanOutOperations } from './fan-out/fan-out-operations.ts'
import type { Operations } from './operation.ts'
import { Dispatcher } from './protocol/dispatcher.ts'
import type { Certificate } from './transport/certificate.ts'
import { keptCertificate } from './transport/kept-certificate.ts'
import { RequestBodies } from './transport/request-body.ts'
import { type ListenerLimits, WireListener } from './transport/wire-listener.ts'
import type { WireContext } from './wire-context.ts'

/** A user of the API. */
export interface Credentials {
  readonly accessKeyId: string
  /** A secret in a file is read at the start. */
  readonly secretAccessKey: Secret | string
}

export interface WireServerLimits extends ListenerLimits {
  /** Largest body; PutRecords of 10 MiB takes 14 MiB in JSON. Bytes. */
  readonly bodyBytes: number
  /** From the end of the headers to the end of the body. Milliseconds. */
  readonly bodyTimeoutMs: number
  /** All bodies in memory. Bytes. */
  readonly poolBytes: number
  /** How long a body waits for room among them. Milliseconds. */
  readonly poolWaitMs: number
}

export const wireServerLimits: WireServerLimits = {
  connections: 1000,
  streams: 250,
  headersTimeoutMs: 10_000,
  keepAliveMs: 60_000,
  bodyBytes: 16 * 1024 * 1024,
  bodyTimeoutMs: 60_000,
  poolBytes: 128 * 1024 * 1024,
  poolWaitMs: 5000
}

export interface KinesisServerOptions {
  readonly context: WireContext
  /** Cleartext, HTTP/1.1 and HTTP/2 on one port. */
  readonly listen?: ListenAddress
  readonly tls?: {
    readonly listen: ListenAddress
    /** One is made, and kept in `directory`, when none is given. */
    readonly certificate?: Certificate
  }
  /** Where a certificate that was made is kept. */
  readonly directory: string
  /** Absent: whoever can reach the server may do all, which must be this machine alone. */
  readonly credentials?: readonly Credentials[]
  readonly limits?: Partial<WireServerLimits>
  /** Default: all operations of the API. */
  readonly operations?: Operations
}

export interface KinesisServerStats {
  readonly connections: number
  /** Bytes of bodies in memory. */
  readonly bodyBytes: number
  /** Bodies refused because there was no room. */
  readonly refusedBodies: number
}

/** The API of Amazon Kinesis Data Streams in front of the embedded engine. */
export class KinesisServer implements Component {
  readonly name = 'kinesis api'
  readonly #options: KinesisServerOptions
  readonly #limits: WireServerLimits
  readonly #pool: BytePool
  #dispatcher: Dispatcher | undefined
  readonly #listeners: WireListener[] = []
  #stopped: Promise<void> | undefined

  constructor(options: KinesisServerOptions) {
    this.#options = options
    this.#limits = { ...wireServerLimits, ...options.limits }
    const { poolBytes, poolWaitMs, connections } = this.#limits
    const { clock } = options.context
    this.#pool = new BytePool({
      maxBytes: poolBytes,
      waitMs: poolWaitMs,
      maxWaiting: connections,
      clock
    })
  }

  /**
   * Rejects with `port_taken`, and with `config` for an address that cannot be listened on and for
   * one that others can reach while nobody's signature is checked.
   */
  async start(signal: AbortSignal): Promise<void> {
    const { listen, tls, directory, context, credentials } = this.#options
    for (const address of [listen, tls?.listen]) if (address) requireGuarded(address, credentials)
    this.#dispatcher = await this.#newDispatcher()
    if (listen) this.#listeners.push(this.#listener({ listen, flag: '--kinesis HOST:PORT' }))
    if (tls) {
      const certificate = tls.certificate ?? (await keptCertificate(directory, context))
      const flag = '--kinesis-tls HOST:PORT'
      this.#listeners.push(this.#listener({ listen: tls.listen, flag, certificate }))
    }
    for (const listener of this.#listeners) {
      if (signal.aborted || this.#stopped) return
      await listener.open()
    }
  }

  stop(deadline: AbortSignal): Promise<void> {
    this.#stopped ??= this.#stop(deadline)
    return this.#stopped
  }

  /** Where it listens: the cleartext port first, then that of TLS, as far as they are configured. */
  ports(): readonly number[] {
    return this.#listeners.map((listener) => listener.port)
  }

  stats(): KinesisServerStats {
    return {
      connections: this.#listeners.reduce((sum, { connections }) => sum + connections, 0),
      bodyBytes: this.#pool.usedBytes,
      refusedBodies: this.#pool.refused
    }
  }

  async #newDispatcher(): Promise<Dispatcher> {
    const { context, credentials, operations = allOperations(context) } = this.#options
    const { clock, random, log } = context
    const { bodyBytes, bodyTimeoutMs } = this.#limits
    const secrets = credentials && (await readSecrets(credentials))
    return new Dispatcher({
      operations,
      authenticator: new Authenticator({ clock, ...(secrets ? { secrets } : {}) }),
      bodies: new RequestBodies({
        maxBytes: bodyBytes,
        timeoutMs: bodyTimeoutMs,
        pool: this.#pool,
        clock
      }),
      clock,
      random,
      log
    })
  }

  #listener(place: {
    readonly listen: ListenAddress
    readonly flag: string
    readonly certificate?: Certificate
  }): WireListener {
    const encrypted = place.certificate !== undefined
    return new WireListener({
      ...place,
      handler: (request, response) => {
        void this.#dispatcher?.handle(request, response, encrypted)
      },
      limits: this.#limits,
      clock: this.#options.context.clock
    })
  }

  async #stop(deadline: AbortSignal): Promise<void> {
    this.#dispatcher?.stop()
    await Promise.all(this.#listeners.map((listener) => listener.close(deadline)))
  }
}

function allOperations(context: WireContext): Operations {
  return { ...dataOperations(context), ...controlOperations(context), ...fanOutOperations(context) }
}

function requireGuarded(
  address: ListenAddress,
  credentials: readonly Credentials[] | undefined
): void {
  if (credentials || isLoopback(address.host)) return
  throw new HeadwaterError(
    'config',
    `${formatListenAddress(address)} of the Kinesis API can be reached from other machines; configure credentials, or listen on 127.0.0.1`
  )
}

async function readSecrets(list: readonly Credentials[]): Promise<ReadonlyMap<string, string>> {
  const secrets = new Map<string, string>()
  for (const { accessKeyId, secretAccessKey } of list) {
    const secret =
      typeof secretAccessKey === 'string' ? secretAccessKey : await secretAccessKey.read()
    secrets.set(accessKeyId, secret)
  }
  return secrets
}
