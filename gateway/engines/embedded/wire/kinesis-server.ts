import { BytePool } from '../../../../shared/byte-pool.ts'
import type { Component } from '../../../../shared/component.ts'
import { HeadwaterError } from '../../../../shared/errors.ts'
import {
  formatListenAddress,
  isLoopback,
  type ListenAddress
} from '../../../../shared/listen-address.ts'
import { Authenticator } from './auth/authenticator.ts'
import { controlOperations } from './control/control-operations.ts'
import { dataOperations } from './data/data-operations.ts'
import { fanOutOperations } from './fan-out/fan-out-operations.ts'
import {
  type Credentials,
  type KinesisServerOptions,
  type WireServerLimits,
  wireServerLimits
} from './kinesis-server-options.ts'
import type { Operations } from './operation.ts'
import { Dispatcher } from './protocol/dispatcher.ts'
import type { Certificate } from './transport/certificate.ts'
import { keptCertificate } from './transport/kept-certificate.ts'
import { bodyTimeMs } from './transport/body-watch.ts'
import { RequestBodies } from './transport/request-body.ts'
import { WireListener } from './transport/wire-listener.ts'
import type { WireContext } from './wire-context.ts'

export interface KinesisServerStats {
  readonly connections: number
  /** Bytes of bodies in memory. */
  readonly bodyBytes: number
  /** Bodies refused because there was no room. */
  readonly refusedBodies: number
  /** Bytes of large answers being made, or on their way to clients. */
  readonly answerBytes: number
  /** Large answers that were not made because there was no room. */
  readonly refusedAnswers: number
}

/** The API of Amazon Kinesis Data Streams in front of the embedded engine. */
export class KinesisServer implements Component {
  readonly name = 'kinesis api'
  readonly #options: KinesisServerOptions
  readonly #limits: WireServerLimits
  readonly #pool: BytePool
  readonly #answers: BytePool
  #dispatcher: Dispatcher | undefined
  readonly #listeners: WireListener[] = []
  #stopped: Promise<void> | undefined

  constructor(options: KinesisServerOptions) {
    this.#options = options
    this.#limits = { ...wireServerLimits, ...options.limits }
    const { poolBytes, answerPoolBytes, poolWaitMs, connections } = this.#limits
    const line = { waitMs: poolWaitMs, maxWaiting: connections, clock: options.context.clock }
    this.#pool = new BytePool({ maxBytes: poolBytes, ...line })
    this.#answers = new BytePool({ maxBytes: answerPoolBytes, of: 'answers', ...line })
  }

  /**
   * Rejects with `port_taken`, and with `config` for an address that cannot be listened on and for
   * one that others can reach while nobody's signature is checked.
   */
  async start(signal: AbortSignal): Promise<void> {
    const { listen, tls, directory, context, credentials } = this.#options
    for (const address of [listen, tls?.listen]) if (address) requireGuarded(address, credentials)
    this.#dispatcher = await this.#newDispatcher()
    if (listen) this.#listeners.push(this.#listener({ listen, flag: '--kinesis' }))
    if (tls) {
      const certificate = tls.certificate?.current() ?? (await keptCertificate(directory, context))
      const flag = '--kinesis-tls'
      const listener = this.#listener({ listen: tls.listen, flag, certificate })
      tls.certificate?.onChange((next) => listener.renew(next))
      this.#listeners.push(listener)
    }
    for (const listener of this.#listeners) {
      if (signal.aborted || this.#stopped) return
      await listener.open()
      // Stopped while it opened: nobody else closes it.
      if (this.#stopped) await listener.close(signal)
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
      refusedBodies: this.#pool.refused,
      answerBytes: this.#answers.usedBytes,
      refusedAnswers: this.#answers.refused
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
      answers: this.#answers,
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
      limits: {
        ...this.#limits,
        bodyTimeoutMs: bodyTimeMs(this.#limits.bodyTimeoutMs, this.#limits.bodyBytes)
      },
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
