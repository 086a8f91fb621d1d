import type { Client, Dispatcher } from 'undici'
import { HeadwaterError } from '../../shared/errors.ts'
import { maxSignedBytes, signedConfigType } from '../../shared/signed-config.ts'
import type { AgentConfig } from '../config.ts'
import type { Report } from './remote-state.ts'

/** What is asked, and of whom: as the configuration in force says at each call. */
export interface ConfigClientOptions {
  readonly config: () => AgentConfig
}

export interface Status extends Report {
  /** Version that the agent runs with; absent: its file alone. */
  readonly inForce?: number
}

/**
 * Asks the gateway for the configuration of this device, and tells it what became of it. One
 * connection a call: there are minutes between.
 */
export class ConfigClient {
  readonly #config: () => AgentConfig
  #etag: string | undefined

  constructor(options: ConfigClientOptions) {
    this.#config = options.config
  }

  /**
   * The signed text that is meant for this device; undefined when there is none, or none but the one
   * that was fetched last. Rejects with `transport`, `no_ack`, `unauthorized`.
   */
  async fetch(signal: AbortSignal): Promise<string | undefined> {
    const answer = await this.#ask(signal)
    if (answer.status !== 200) return undefined
    this.#etag = answer.etag
    return answer.body
  }

  /** Resolves when the gateway in force answers. Rejects as `fetch`. */
  async probe(signal: AbortSignal): Promise<void> {
    await this.#ask(signal)
  }

  /** Resolves when the gateway has stored it. Rejects as `fetch`. */
  async report(status: Status, signal: AbortSignal): Promise<void> {
    const answer = await this.#request({
      method: 'PUT',
      path: 'config/status',
      body: JSON.stringify(status),
      signal
    })
    if (answer.status !== 204) throw unexpected(answer)
  }

  /** What was fetched last is fetched again. */
  forget(): void {
    this.#etag = undefined
  }

  async #ask(signal: AbortSignal): Promise<Answer> {
    const { group } = this.#config().remote ?? {}
    const path = `config${group === undefined ? '' : `?group=${group}`}`
    const answer = await this.#request({ method: 'GET', path, signal })
    const isConfig = answer.status === 200 && answer.type === signedConfigType
    if (isConfig || answer.status === 204 || answer.status === 304) return answer
    throw unexpected(answer)
  }

  /** Of the gateways in turn; rejects with what the last one said. */
  async #request(call: Call): Promise<Answer> {
    const { to, remote } = this.#config()
    const urls =
      remote?.url === undefined ? to.filter((one) => one.startsWith('http')) : [remote.url]
    let failure: unknown
    for (const url of urls) {
      try {
        return await this.#requestOf(new URL(url), call)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  async #requestOf(url: URL, { method, path, body, signal }: Call): Promise<Answer> {
    const { device, token, tls, sender } = this.#config()
    const { insecure, ca, cert, key } = tls
    const etag = method === 'GET' ? this.#etag : undefined
    const request = {
      method,
      signal,
      path: `${url.pathname.replace(/\/+$/, '')}/v1/devices/${device}/${path}`,
      headers: {
        ...(token ? { authorization: `Bearer ${await token.read()}` } : {}),
        ...(etag === undefined ? {} : { 'if-none-match': etag }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' })
      },
      ...(body === undefined ? {} : { body })
    }
    const { default: undici } = await import('undici')
    const client = new undici.Client(url.origin, {
      connect: {
        rejectUnauthorized: !insecure,
        timeout: sender.timeout,
        ...(ca === undefined ? {} : { ca }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key })
      },
      headersTimeout: sender.timeout,
      bodyTimeout: sender.timeout,
      maxResponseSize: maxSignedBytes
    })
    return exchange(client, request, url.origin)
  }
}

interface Call {
  readonly method: 'GET' | 'PUT'
  /** Below the device. */
  readonly path: string
  readonly body?: string
  readonly signal: AbortSignal
}

interface Answer {
  readonly gateway: string
  readonly status: number
  /** Content-Type without parameters. */
  readonly type: string
  readonly etag: string | undefined
  readonly body: string
}

async function exchange(
  client: Client,
  request: Dispatcher.RequestOptions,
  gateway: string
): Promise<Answer> {
  try {
    const { statusCode, headers, body } = await client.request(request)
    const { etag, 'content-type': type = '' } = headers
    return {
      gateway,
      status: statusCode,
      type: String(type).split(';', 1)[0]?.trim() ?? '',
      etag: typeof etag === 'string' ? etag : undefined,
      body: await body.text()
    }
  } catch (cause) {
    throw new HeadwaterError('transport', `${gateway}: ${String(cause)}`, { cause })
  } finally {
    await client.destroy()
  }
}

function unexpected({ gateway, status, type, body }: Answer): HeadwaterError {
  const refused = status === 401 || status === 403
  const said = type === 'application/json' ? body.trim().slice(0, 500) : type || 'nothing'
  const message = `${gateway} answers ${status} with ${said}`
  return new HeadwaterError(refused ? 'unauthorized' : 'no_ack', message)
}
