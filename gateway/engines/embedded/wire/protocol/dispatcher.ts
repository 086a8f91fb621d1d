import type { BytePool } from '../../../../../shared/byte-pool.ts'
import type { Clock } from '../../../../../shared/clock.ts'
import type { Log } from '../../../../../shared/log.ts'
import type { Random } from '../../../../../shared/random.ts'
import type { Authenticator } from '../auth/authenticator.ts'
import type { Answer, Call, EventStream, Operation, Operations } from '../operation.ts'
import type { HttpRequest, HttpResponse } from '../transport/http-exchange.ts'
import type { RequestBodies, RequestBody } from '../transport/request-body.ts'
import { WireError, wireErrors } from '../wire-error.ts'
import { RequestIds, setCors } from './answer-headers.ts'
import { sendEvents } from './event-answer.ts'
import { jsonFormat } from './json-format.ts'
import { LazySignal } from './lazy-signal.ts'
import { operationOf } from './operation-name.ts'
import { sendBody } from './patient-write.ts'
import { isDefect, wireErrorOf } from './wire-error-of.ts'
import type { WireFormat } from './wire-format.ts'
import { wireFormatOf } from './wire-format-of.ts'

export interface DispatcherOptions {
  readonly operations: Operations
  readonly authenticator: Authenticator
  readonly bodies: RequestBodies
  /** Room for large answers, from before they are made until the client has them. */
  readonly answers: BytePool
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** One request on its way to its answer. */
interface Exchange {
  readonly request: HttpRequest
  readonly response: HttpResponse
  readonly format: WireFormat
  /** Whether it came over TLS. */
  readonly encrypted: boolean
  /** Aborts when the client is gone or has its answer. */
  readonly closed: LazySignal
  /** Aborts also when the server stops. */
  readonly ended: LazySignal
}

/** What a request wants. */
interface Asked {
  readonly name: string
  readonly operation: Operation
  readonly region: string
}

const passedOverBytes = 64 * 1024

/** Answers requests: who asks, which operation, the body in, the answer or the error out. */
export class Dispatcher {
  readonly #options: DispatcherOptions
  /** Of the requests under way; as many as the transport lets in. */
  readonly #underWay = new Set<LazySignal>()
  readonly #ids: RequestIds
  #stopping = false

  constructor(options: DispatcherOptions) {
    this.#options = options
    this.#ids = new RequestIds(options.random)
  }

  /** Ends answers that go on; the others are finished, on connections that then end. */
  stop(): void {
    this.#stopping = true
    this.#options.bodies.stop()
    for (const ended of this.#underWay) ended.abort()
  }

  /** Never rejects. */
  async handle(request: HttpRequest, response: HttpResponse, encrypted: boolean): Promise<void> {
    // A stream of HTTP/2 that the client has cancelled already: nothing would tell of it later.
    if (response.stream?.destroyed) return
    const format = wireFormatOf(request.headers['content-type'])
    const signals = this.#follow(response)
    const exchange = { request, response, format: format ?? jsonFormat, encrypted, ...signals }
    this.#ids.set(response)
    setCors(request, response, this.#options.authenticator.verifies)
    if (request.method === 'OPTIONS') {
      response.end()
      return
    }
    try {
      if (request.method !== 'POST' || !format) throw notOurs()
      await this.#answer(exchange)
    } catch (thrown) {
      await this.#refuse(exchange, thrown)
    }
  }

  /** Learns when the client is gone or has its answer. */
  #follow(response: HttpResponse): Pick<Exchange, 'closed' | 'ended'> {
    const closed = new LazySignal()
    const ended = new LazySignal()
    this.#underWay.add(ended)
    response.on('error', ignore)
    response.once('close', () => {
      closed.abort()
      ended.abort()
      this.#underWay.delete(ended)
    })
    if (this.#stopping) ended.abort()
    return { closed, ended }
  }

  async #answer(exchange: Exchange): Promise<void> {
    const { request, encrypted } = exchange
    const { operations, authenticator, bodies } = this.#options
    const { name, operation } = operationOf(request.headers['x-amz-target'], operations)
    const signed = authenticator.begin(request, encrypted)
    const body = await bodies.read(request)
    try {
      signed.verify(body.bytes)
      await this.#run(exchange, body, { name, operation, region: signed.region })
    } finally {
      body.release()
    }
  }

  async #run(exchange: Exchange, body: RequestBody, asked: Asked): Promise<void> {
    const { response, format, closed, ended } = exchange
    const { answers, clock } = this.#options
    const { name, operation } = asked
    const most = operation.mostAnswerBytes
    const room = most === undefined ? undefined : await answers.reserve(most)
    try {
      if (room && closed.aborted) return
      const call = callOf(asked, ended)
      const plain = format === jsonFormat ? operation.answerPlain?.(body.bytes, call) : undefined
      if (plain) {
        await this.#send(exchange, await plain)
        return
      }
      const answer = await operation.answer(format.decode(body.bytes), call)
      if (isEventStream(answer)) {
        body.release()
        const onError = (error: WireError) => this.#report(error, name)
        await sendEvents(answer, { response, format, signal: ended.signal, clock, onError })
        return
      }
      const bytes = answer === undefined ? Buffer.alloc(0) : format.encode(answer)
      body.release()
      room?.shrink(bytes.length)
      await this.#send(exchange, bytes)
    } finally {
      room?.release()
    }
  }

  async #refuse(exchange: Exchange, thrown: unknown): Promise<void> {
    const { request, response, format, closed } = exchange
    const error = wireErrorOf(thrown)
    this.#report(error, String(request.headers['x-amz-target']))
    if (response.headersSent || closed.aborted) {
      response.destroy()
      return
    }
    response.statusCode = wireErrors[error.type]
    if (!request.readableEnded) leaveRest(request, response)
    await this.#send(exchange, format.encode({ __type: error.type, message: error.message }))
  }

  async #send(exchange: Exchange, body: Buffer): Promise<void> {
    const { request, response, format, closed } = exchange
    if (closed.aborted) return
    response.setHeader('content-type', format.contentType)
    response.setHeader('content-length', body.length)
    if (this.#stopping && request.httpVersionMajor === 1) response.setHeader('connection', 'close')
    await sendBody(response, body, {
      clock: this.#options.clock,
      get signal() {
        return closed.signal
      }
    })
  }

  #report(error: WireError, operation: string): void {
    if (isDefect(error)) this.#options.log.error({ error: error.cause, operation }, 'a call failed')
  }
}

/**
 * The rest of a refused body: a little is read and forgotten, for the connection to go on. More
 * ends its stream, or over HTTP/1.1 the connection.
 */
function leaveRest(request: HttpRequest, response: HttpResponse): void {
  if (Number(request.headers['content-length']) <= passedOverBytes) {
    request.resume()
    return
  }
  if (request.httpVersionMajor === 1) response.setHeader('connection', 'close')
  response.once('finish', () => {
    if (response.stream) response.stream.close()
    else request.destroy()
  })
}

function callOf({ name, region }: Asked, ended: LazySignal): Call {
  return {
    operation: name,
    region,
    get isOver() {
      return ended.aborted
    },
    get signal() {
      return ended.signal
    }
  }
}

function notOurs(): WireError {
  return new WireError(
    'UnknownOperationException',
    'Requests are POST with the Content-Type application/x-amz-json-1.1 or application/x-amz-cbor-1.1.'
  )
}

function isEventStream(answer: Answer): answer is EventStream {
  return answer !== undefined && 'events' in answer && typeof answer.events === 'object'
}

function ignore(): void {}
