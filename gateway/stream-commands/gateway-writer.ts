import { isUtf8 } from 'node:buffer'
import { Backoff } from '../../shared/backoff.ts'
import { asHeadwaterError, HeadwaterError } from '../../shared/errors.ts'
import { Fields } from '../../shared/wire/fields.ts'
import type { StreamContext } from './context.ts'
import type { GatewayClient } from './gateway-client.ts'
import type { LineWriter } from './stream-place.ts'

interface GatewayWriterOptions {
  readonly context: StreamContext
  /** Where records are posted to. */
  readonly path: string
  readonly key: string | undefined
}

/** With waits of up to 10 s this gives a gateway a minute or two to come back. */
const maxAttempts = 20

/** Writes batches one after the other, each again until it is durable or refused for good. */
export class GatewayWriter implements LineWriter {
  readonly #client: GatewayClient
  readonly #options: GatewayWriterOptions
  #written = 0

  constructor(client: GatewayClient, options: GatewayWriterOptions) {
    this.#client = client
    this.#options = options
  }

  get written(): number {
    return this.#written
  }

  async write(records: readonly Buffer[]): Promise<void> {
    const { context, key } = this.#options
    const body = records.map((record) => `${JSON.stringify(recordOf(record, key))}\n`).join('')
    // The same for all attempts: what was stored before the answer was lost is not stored again.
    const idempotencyKey = context.random.bytes(16).toString('hex')
    const backoff = new Backoff({ firstMs: 500, maxMs: 10_000, random: context.random })
    for (;;) {
      try {
        return this.#count(await this.#post(body, idempotencyKey))
      } catch (thrown) {
        const error = asHeadwaterError(thrown)
        const give = !error.retryable || backoff.attempts >= maxAttempts || context.signal.aborted
        if (give) throw error
        await context.clock.sleep(backoff.next(error.retryAfterMs), context.signal)
      }
    }
  }

  #post(body: string, idempotencyKey: string): Promise<unknown> {
    return this.#client.ask(this.#options.path, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson', 'idempotency-key': idempotencyKey },
      body,
      signal: this.#options.context.signal
    })
  }

  #count(answer: unknown): void {
    const ack = new Fields(answer, 'answer')
    const [first, ...others] = ack.array('rejected')
    this.#written += ack.uint('count') - (first ? 1 : 0) - others.length
    if (!first) return
    const message = `${1 + others.length} records refused: ${new Fields(first, 'rejected').text('message')}`
    throw new HeadwaterError('invalid', `${message} (${this.#written} were written)`)
  }
}

function recordOf(record: Buffer, key: string | undefined): object {
  return {
    ...(isUtf8(record) ? { text: record.toString() } : { data: record.toString('base64') }),
    ...(key === undefined ? {} : { partitionKey: key })
  }
}
