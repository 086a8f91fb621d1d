import type { BytePool } from '../../../../../shared/byte-pool.ts'
import type { Clock } from '../../../../../shared/clock.ts'
import type { Log } from '../../../../../shared/log.ts'
import type { Random } from '../../../../../shared/random.ts'
import type { Authenticator } from '../auth/authenticator.ts'
import type { Answer, EventStream, Operation, Operations } from '../operation.ts'
import type { HttpRequest, HttpResponse } from '../transport/http-exchange.ts'
import type { RequestBodies, RequestBody } from '../transport/request-body.ts'
import { WireError, wireErrors } from '../wire-error.ts'
import { setCors, setRequestIds } from './answer-headers.ts'
import { sendEvents } from './event-answer.ts'
import { jsonFormat } from './json-format.ts'
import { operationOf } from './operation-name.ts'
import { sendBody } from './patient-write.ts'
import { isDefect, wireErrorOf } from './wire-error-of.ts'
import { type WireFormat, wireFormatOf } from './wire-format.ts'

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
  /** Aborts when the client is gone or the server stops. */
  readonly signal: AbortSignal
  /** Aborts when the client is gone or has its answer. */
  readonly closed: AbortSignal
}

/** What a request wants. */
interface Asked {
  readonly name: string
  readonly operation: Operation
  readonly region: string
}

const passedOverBytes = 64 * 1024
/** One for all requests: to make the default reason costs more than some calls. */
const over = new Error('the request is over')

/** Answers requests: who asks, which operation, the body in, the answer or the error out. */
export class Dispatcher {
  readonly #options: DispatcherOptions
  /** Of the requests under way; as many as the transport lets in. */
  readonly #underWay = new Set<AbortController>()
  #stopping = false

  constructor(options: DispatcherOptions) {
    this.#options = options
  }

  /** Ends answers that go on; the others are finished, on connections that then end. */
  stop(): void {
    this.#stopping = true
    for (const controller of this.#underWay) controller.abort()
  }

  /** Never rejects. */
  async handle(request: HttpRequest, response: HttpResponse, encrypted: boolean): Promise<void> {
    const { random, authenticator } = this.#options
    const controller = new AbortController()
    const closed = new AbortController()
    this.#underWay.add(controller)
    response.on('error', ignore)
    response.once('close', () => {
      closed.abort(over)
      controller.abort(over)
      this.#underWay.delete(controller)
    })
    if (this.#stopping) controller.abort()
    setRequestIds(response, random)
    setCors(request, response, authenticator.verifies)
    if (request.method === 'OPTIONS') {
      response.end()
      return
    }
    const format = wireFormatOf(request.headers['content-type']) ?? jsonFormat
    const signals = { signal: controller.signal, closed: closed.signal }
    const exchange = { request, response, format, encrypted, ...signals }
    try {
      await this.#answer(exchange)
    } catch (thrown) {
      await this.#refuse(exchange, thrown)
    }
  }

  async #answer(exchange: Exchange): Promise<void> {
    const { request, encrypted } = exchange
    const { operations, authenticator, bodies } = this.#options
    if (request.method !== 'POST' || !wireFormatOf(request.headers['content-type'])) {
      throw new WireError(
        'UnknownOperationException',
        'Requests are POST with the Content-Type application/x-amz-json-1.1 or application/x-amz-cbor-1.1.'
      )
    }
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
    const { response, format, signal, closed } = exchange
    const { answers, clock } = this.#options
    const { name, operation, region } = asked
    const most = operation.mostAnswerBytes
    const room = most === undefined ? undefined : await answers.reserve(most)
    try {
      if (room && closed.aborted) return
      const call = { operation: name, region, signal }
      const answer = await operation.answer(format.decode(body.bytes), call)
      if (isEventStream(answer)) {
        body.release()
        const onError = (error: WireError) => this.#report(error, name)
        await sendEvents(answer, { response, format, signal, clock, onError })
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
    await sendBody(response, body, { clock: this.#options.clock, signal: closed })
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

function isEventStream(answer: Answer): answer is EventStream {
  return answer !== undefined && 'events' in answer && typeof answer.events === 'object'
}

function ignore(): void {}
