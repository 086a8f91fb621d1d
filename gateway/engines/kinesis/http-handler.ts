import { Agent, type Dispatcher, request } from 'undici'

/** A signed request of the SDK, as far as it concerns us: Kinesis is called with POST on `/` only. */
export interface ServiceRequest {
  readonly protocol: string
  readonly hostname: string
  readonly port?: number
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

interface ServiceResponse {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Dispatcher.ResponseData['body']
}

/** A service that accepts a connection and then is silent for so long has lost it. */
const silenceMs = 30_000
const connectMs = 5_000

/**
 * Carries the SDK's requests over HTTP/1.1, with a bound on connections. The SDK's own handler for
 * Kinesis is HTTP/2, where all puts share one connection, and one that stalls holds up the rest.
 */
export class HttpHandler {
  readonly metadata = { handlerProtocol: 'http/1.1' }
  readonly #agent: Agent

  constructor(maxConnections: number) {
    this.#agent = new Agent({
      connections: maxConnections,
      connect: { timeout: connectMs },
      headersTimeout: silenceMs,
      bodyTimeout: silenceMs
    })
  }

  async handle(
    { protocol, hostname, port, path, headers, body }: ServiceRequest,
    options: { readonly abortSignal?: unknown } = {}
  ): Promise<{ response: ServiceResponse }> {
    const { abortSignal } = options
    const origin = `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`
    const answer = await request(`${origin}${path}`, {
      method: 'POST',
      headers,
      dispatcher: this.#agent,
      ...(body === undefined ? {} : { body }),
      ...(abortSignal instanceof AbortSignal ? { signal: abortSignal } : {})
    })
    const { statusCode, body: answerBody } = answer
    return { response: { statusCode, headers: plain(answer.headers), body: answerBody } }
  }

  /** Ends all connections; what is under way fails. */
  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  /** Asked for by the SDK. The agent is closed with `close`, because two clients share it. */
  destroy(): void {
    // nothing
  }

  updateHttpClientConfig(): void {
    // The SDK hands on settings of handlers of its own; this one has none of them.
  }

  httpHandlerConfigs(): object {
    return {}
  }
}

function plain(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  const table: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) table[name] = typeof value === 'string' ? value : value.join(', ')
  }
  return table
}
