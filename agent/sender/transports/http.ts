import type { buildConnector, Client, Dispatcher } from 'undici'
import type { Clock } from '../../../shared/clock.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { type Ack, answers, decodeAckCbor, decodeAckJson } from '../../../shared/wire/ack.ts'
import type { StoredFrame } from '../../buffer/buffer.ts'
import { InOrder } from './in-order.ts'
import { type Payload, payloadOf } from './payload.ts'
import { retryAfterMs } from './retry-after.ts'
import { SocketMeter } from './socket-meter.ts'
import { tlsConnection } from './tls.ts'
import { TokenCache } from './token-cache.ts'
import { transportFailure } from './transport-failure.ts'
import type { Transport, TransportOptions } from './transport.ts'

/** No Ack is larger; what is comes from something that is not our gateway. Bytes. */
const maxAnswerBytes = 64 * 1024

/** An idle connection is kept this long unless the gateway asks for less. Milliseconds. */
const keepAliveMs = 60_000

/** More than any window of the sender, which alone decides how much is in flight. */
const pipelining = 256

type Library = typeof import('undici').default

interface Prepared {
  readonly library: Library
  readonly payload: Payload
  readonly token: string | undefined
}

/** From the first batch after a failure until the next failure. */
interface Life {
  client?: Client
}

/**
 * Batches as pipelined POST requests on one connection, so that they arrive in the order in which
 * they were sent and a mobile link pays for one TLS session. After any failure that connection is
 * given up with all that is pending: undici would send the rest again by itself, without the first.
 */
export class HttpTransport implements Transport {
  readonly name: string
  readonly #options: TransportOptions
  readonly #clock: Clock
  readonly #tokens: TokenCache
  readonly #inOrder = new InOrder()
  readonly #meter = new SocketMeter()
  #connector: buildConnector.connector | undefined
  #life: Life = {}

  constructor(options: TransportOptions, clock: Clock) {
    this.name = `${options.url.protocol}//${options.url.host}`
    this.#options = options
    this.#clock = clock
    this.#tokens = new TokenCache(options.token, clock)
  }

  async send(frame: StoredFrame, signal: AbortSignal): Promise<Ack> {
    const life = this.#life
    try {
      const { went } = await this.#inOrder.pass(this.#prepare(frame), (prepared) => {
        if (this.#life !== life) return Promise.reject(this.#gone())
        life.client ??= this.#connect(prepared.library, life)
        return this.#post(life.client, frame, { prepared, signal })
      })
      const ack = await went
      if (ack.code === 'unauthorized') this.#tokens.forget()
      return ack
    } catch (thrown) {
      const error = thrown instanceof HeadwaterError ? thrown : transportFailure(this.name, thrown)
      if (error.retryable) await this.#giveUp(life)
      throw error
    }
  }

  bytesMoved(): number {
    return this.#meter.bytes
  }

  connections(): number {
    return this.#meter.sockets
  }

  async reset(): Promise<void> {
    await this.#giveUp(this.#life)
  }

  async close(): Promise<void> {
    await this.reset()
  }

  async #prepare(frame: StoredFrame): Promise<Prepared> {
    // A bundle has the names of a CommonJS library in its default alone.
    const [{ default: library }, payload, token] = await Promise.all([
      import('undici'),
      payloadOf(frame, this.#options),
      this.#tokens.get()
    ])
    return { library, payload, token }
  }

  #connect(library: Library, life: Life): Client {
    const { url, tls, timeoutMs: timeout } = this.#options
    // One connector for all connections: it keeps the TLS sessions that can be resumed.
    this.#connector ??= library.buildConnector({ ...tlsConnection(tls), timeout })
    const connect = this.#connector
    const client = new library.Client(url.origin, {
      connect: (options: buildConnector.Options, done: buildConnector.Callback) =>
        connect(options, (...outcome) => {
          if (outcome[1]) this.#meter.watch(outcome[1])
          done(...outcome)
        }),
      pipelining,
      headersTimeout: timeout,
      bodyTimeout: timeout,
      keepAliveTimeout: keepAliveMs,
      maxResponseSize: maxAnswerBytes
    })
    // Comes before undici connects again to send what is left.
    client.on('disconnect', () => void this.#giveUp(life))
    return client
  }

  async #giveUp(life: Life): Promise<void> {
    if (this.#life === life) this.#life = {}
    await life.client?.destroy(this.#gone())
  }

  #gone(): HeadwaterError {
    return new HeadwaterError('transport', `${this.name}: the connection was given up`)
  }

  async #post(
    client: Client,
    frame: StoredFrame,
    { prepared, signal }: { prepared: Prepared; signal: AbortSignal }
  ): Promise<Ack> {
    const response = await client.request({
      method: 'POST',
      path: this.#path(frame.header.stream),
      headers: this.#headers(prepared),
      body: prepared.payload.bytes,
      signal,
      // A repeat does no harm, and undici pipelines only what is idempotent and does not block.
      idempotent: true,
      blocking: false
    })
    return this.#read(response, frame)
  }

  #path(stream: string): string {
    const prefix = this.#options.url.pathname.replace(/\/+$/, '')
    return this.#options.format === 'cbor'
      ? `${prefix}/v1/batches`
      : `${prefix}/v1/streams/${stream}/records`
  }

  #headers({ payload, token }: Prepared): Record<string, string> {
    const type = `application/${this.#options.format}`
    return {
      'content-type': type,
      accept: type,
      ...(payload.gzipped ? { 'content-encoding': 'gzip' } : {}),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` })
    }
  }

  async #read(response: Dispatcher.ResponseData, frame: StoredFrame): Promise<Ack> {
    const { statusCode, headers } = response
    const bytes = Buffer.from(await response.body.arrayBuffer())
    const type = text(headers['content-type']).toLowerCase()
    const ack = type.startsWith(`application/${this.#options.format}`)
      ? this.#decode(bytes)
      : undefined
    if (ack && answers(ack, frame.header)) return ack
    if (statusCode === 401) {
      this.#tokens.forget()
      throw new HeadwaterError('unauthorized', `${this.name} answers 401: check the token`)
    }
    const given = ack ? 'the Ack of another batch' : `${type.slice(0, 60) || 'nothing'}, not an Ack`
    const message = `${this.name} answers ${statusCode} with ${given}`
    // A proxy with a lower limit says 413; smaller pieces may pass it.
    const code = statusCode === 413 ? 'transport' : 'no_ack'
    throw new HeadwaterError(code, message, this.#retryAfter(headers))
  }

  #retryAfter(headers: Dispatcher.ResponseData['headers']): { retryAfterMs?: number } {
    const wallMs = this.#clock.wallMs()
    const waitMs = retryAfterMs(text(headers['retry-after']), text(headers['date']), wallMs)
    return waitMs === undefined ? {} : { retryAfterMs: waitMs }
  }

  #decode(bytes: Buffer): Ack | undefined {
    try {
      return this.#options.format === 'cbor'
        ? decodeAckCbor(bytes)
        : decodeAckJson(bytes.toString())
    } catch {
      return undefined
    }
  }
}

function text(header: string | string[] | undefined): string {
  return (Array.isArray(header) ? header[0] : header) ?? ''
}
