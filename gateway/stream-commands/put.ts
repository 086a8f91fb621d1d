import { isUtf8 } from 'node:buffer'
import type { Command } from 'commander'
import { Backoff } from '../../shared/backoff.ts'
import { asHeadwaterError, HeadwaterError } from '../../shared/errors.ts'
import { Fields } from '../../shared/wire/fields.ts'
import { type AddCommand, gatewayOf, type StreamContext, streamPath } from './context.ts'
import type { GatewayClient } from './gateway-client.ts'
import { LineSplitter } from './line-splitter.ts'

interface PutOptions {
  readonly key?: string
  readonly data?: string
}

/** With waits of up to 10 s this gives a gateway a minute or two to come back. */
const maxAttempts = 20

export const addPut: AddCommand = (program, context) => {
  program
    .command('put <stream>')
    .description('write records: one with --data, else each line of standard input')
    .option('--key <key>', 'partition key')
    .option('--data <text>', 'the record')
    .action(async (stream: string, options: PutOptions, command: Command) => {
      const writer = new Writer(await gatewayOf(command), { context, stream, key: options.key })
      if (options.data !== undefined) await writer.write([Buffer.from(options.data)])
      else await writeLines(context, writer)
      context.stderr.write(`${writer.written} records written\n`)
    })
}

/** What one read of standard input brings is one batch, so that nothing waits for a batch to fill. */
async function writeLines({ stdin, signal }: StreamContext, writer: Writer): Promise<void> {
  const splitter = new LineSplitter()
  for await (const chunk of stdin) {
    await writer.write(splitter.push(Buffer.from(chunk)))
    if (signal.aborted) throw new HeadwaterError('unavailable', 'interrupted')
  }
  await writer.write(splitter.end())
}

/** Writes batches one after the other, each again until it is durable or refused for good. */
class Writer {
  readonly #client: GatewayClient
  readonly #options: { context: StreamContext; stream: string; key: string | undefined }
  #written = 0

  constructor(
    client: GatewayClient,
    options: { context: StreamContext; stream: string; key: string | undefined }
  ) {
    this.#client = client
    this.#options = options
  }

  get written(): number {
    return this.#written
  }

  async write(lines: readonly Buffer[]): Promise<void> {
    if (lines.length === 0) return
    const { context, key } = this.#options
    const body = lines.map((line) => `${JSON.stringify(recordOf(line, key))}\n`).join('')
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
    return this.#client.ask(`${streamPath(this.#options.stream)}/records`, {
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

function recordOf(line: Buffer, key: string | undefined): object {
  return {
    ...(isUtf8(line) ? { text: line.toString() } : { data: line.toString('base64') }),
    ...(key === undefined ? {} : { partitionKey: key })
  }
}
