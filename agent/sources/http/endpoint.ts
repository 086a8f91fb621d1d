import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { asHeadwaterError, HeadwaterError } from '../../../shared/errors.ts'
import { isPartitionKey } from '../../../shared/record.ts'
import type { Secret } from '../../../shared/secret.ts'
import type { Appender, Chunk } from '../../buffer/buffer.ts'
import type { SourceContext } from '../source.ts'
import type { Tally } from '../tally.ts'
import { Bodies } from './body.ts'
import { decodeBody } from './decode-body.ts'

/** How long an answer may take; then what is not durable is given up, and the sender is told so. */
const answerMs = 20_000

interface EndpointOptions {
  readonly context: SourceContext
  readonly tally: Tally
  readonly token: Secret | undefined
  readonly sink: Appender
}

/** `POST /` and `POST /records`: 200 `{"accepted":n}` means that n records are durable. */
export class Endpoint {
  readonly #options: EndpointOptions
  readonly #bodies = new Bodies()
  /** One for each append under way. */
  readonly #waiting = new Set<AbortController>()
  readonly #answering = new Map<IncomingMessage, Promise<void>>()

  constructor(options: EndpointOptions) {
    this.#options = options
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answered = this.#answer(request, response)
    this.#answering.set(request, answered)
    await answered
    this.#answering.delete(request)
  }

  /**
   * Gives up the appends that wait, whose senders get 503, and resolves when all is answered. A
   * body that is still being sent was promised nothing and is cut off.
   */
  async close(): Promise<void> {
    for (const one of this.#waiting) one.abort()
    for (const request of this.#answering.keys()) if (!request.complete) request.destroy()
    await Promise.all(this.#answering.values())
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const accepted = await this.#accept(request)
      answer(response, 200, { accepted })
    } catch (thrown) {
      const error = asHeadwaterError(thrown, request.destroyed ? 'transport' : 'internal')
      this.#options.tally.problem(`refused_${error.code}`)
      if (error.code === 'internal') {
        this.#options.context.log.error(
          { source: this.#options.context.name, error },
          'post failed'
        )
      }
      refuse(request, response, error)
    }
  }

  async #accept(request: IncomingMessage): Promise<number> {
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (request.method !== 'POST' || (url.pathname !== '/' && url.pathname !== '/records')) {
      throw new HeadwaterError('not_found', 'records are taken at POST / and POST /records')
    }
    await this.#authenticate(request.headers.authorization)
    const { context, tally } = this.#options
    const partitionKey = url.searchParams.get('key') ?? context.partitionKey
    if (!isPartitionKey(partitionKey)) {
      throw new HeadwaterError('invalid', 'parameter "key" must have 1 to 256 characters')
    }
    return this.#bodies.with(request, async (body) => {
      const time = context.clock.wallMs()
      const type = request.headers['content-type'] ?? ''
      const records = decodeBody(body, type, { partitionKey, time })
      const times = records.times.every((one) => one === time) ? 'clock' : 'own'
      if (records.lens.length > 0) await this.#append({ stream: context.stream, records, times })
      tally.took(records)
      return records.lens.length
    })
  }

  async #append(chunk: Pick<Chunk, 'stream' | 'records' | 'times'>): Promise<void> {
    const { sink, context } = this.#options
    const deadline = new AbortController()
    const done = new AbortController()
    this.#waiting.add(deadline)
    void context.clock.sleep(answerMs, done.signal).then(() => deadline.abort())
    try {
      await sink.append({ ...chunk, urgent: true }, deadline.signal)
    } finally {
      this.#waiting.delete(deadline)
      done.abort()
    }
  }

  async #authenticate(header: string | undefined): Promise<void> {
    const { token } = this.#options
    if (!token) return
    const given = /^Bearer +(\S+)$/i.exec(header ?? '')?.[1] ?? ''
    const hash = (text: string) => createHash('sha256').update(text).digest()
    if (timingSafeEqual(hash(given), hash(await token.read()))) return
    throw new HeadwaterError('unauthorized', 'header Authorization must be "Bearer" and the token')
  }
}

function refuse(request: IncomingMessage, response: ServerResponse, error: HeadwaterError): void {
  const { status } = error.kind
  if (status === 503 || status === 429) {
    response.setHeader('Retry-After', Math.ceil((error.retryAfterMs ?? 1000) / 1000))
  }
  // A body that was not read to its end would be taken for the next request.
  if (!request.complete) {
    response.setHeader('Connection', 'close')
    request.resume()
  }
  answer(response, status, { code: error.code, message: error.message })
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json' })
  response.end(`${JSON.stringify(body)}\n`)
}
