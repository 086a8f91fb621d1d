import { z } from 'zod'
import { attempt, flag, secret } from '../../../shared/config/fields.ts'
import { aborted } from '../../../shared/aborted.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import {
  formatListenAddress,
  isLoopback,
  type ListenAddress,
  parseListenAddress
} from '../../../shared/listen-address.ts'
import type { Appender } from '../../buffer/buffer.ts'
import type { Source, SourceContext, SourceStats, SourceType } from '../source.ts'
import { Tally } from '../tally.ts'
import { Endpoint } from './endpoint.ts'
import { HttpPort } from './http-port.ts'

const address = z.codec(z.string(), z.custom<ListenAddress>(), {
  decode: (text, context) => attempt(context, text, () => parseListenAddress(text)),
  encode: formatListenAddress
})

const httpOptions = z.strictObject({
  http: address.describe('Address to take records at, by POST, such as 127.0.0.1:8686.'),
  token: secret().optional().describe('What senders prove themselves with, as a Bearer token.'),
  insecure: flag()
    .prefault(false)
    .describe('Allow an address that other machines can reach; it has no TLS, and needs a token.')
})

type HttpOptions = z.output<typeof httpOptions>

/** Takes records over HTTP and answers when they are durable. */
export class HttpSource implements Source {
  readonly name: string
  readonly #options: HttpOptions
  readonly #context: SourceContext
  readonly #tally = new Tally()
  #port: HttpPort | undefined

  constructor(options: HttpOptions, context: SourceContext) {
    this.name = context.name
    this.#options = options
    this.#context = context
  }

  /** Where it listens while it runs. */
  get address(): ListenAddress | undefined {
    return this.#port?.address
  }

  stats(): SourceStats {
    return this.#tally.stats()
  }

  /** With `--once` there is nothing to be read: what would be posted later is not there yet. */
  async run(sink: Appender, signal: AbortSignal): Promise<void> {
    if (this.#context.once) return
    const endpoint = new Endpoint({
      context: this.#context,
      tally: this.#tally,
      token: this.#options.token,
      sink
    })
    const port = new HttpPort(`source ${this.name}: http`, endpoint)
    try {
      await port.open(this.#options.http)
      this.#port = port
      this.#context.log.info(
        { source: this.name, address: port.address && formatListenAddress(port.address) },
        'http source listens'
      )
      await aborted(signal)
    } finally {
      this.#port = undefined
      await port.close(() => endpoint.close())
    }
  }
}

/** An address that others can reach needs the options that allow it. */
function requireGuarded({ http, token, insecure }: HttpOptions): void {
  if (isLoopback(http.host) || (token && insecure)) return
  throw new HeadwaterError(
    'config',
    `${formatListenAddress(http)} can be reached from other machines; write "token:" and "insecure: true" beside it if that is meant, or listen on 127.0.0.1`
  )
}

export const http: SourceType<HttpOptions> = {
  key: 'http',
  summary:
    'Takes records by HTTP POST from programs on this machine, and answers when they are durable.',
  options: httpOptions,
  check: requireGuarded,
  create: (options, context) => new HttpSource(options, context)
}
