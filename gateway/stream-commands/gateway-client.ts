import type { Readable } from 'node:stream'
import { request } from 'undici'
import { type ErrorCode, errorKinds, HeadwaterError } from '../../shared/errors.ts'
import { Fields } from '../../shared/wire/fields.ts'

export interface GatewayRequest {
  readonly method?: 'GET' | 'POST' | 'DELETE'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  readonly signal?: AbortSignal
}

/** The gateway answers within its own deadline of 20 s, and sends a heartbeat each 15 s while followed. */
const headersTimeoutMs = 60_000
const silenceTimeoutMs = 60_000

/** No answer to a question is longer; what is comes from something that is not a gateway. Bytes. */
const maxAnswerBytes = 64 * 1024 * 1024

/** The gateway's HTTP interface. */
export class GatewayClient {
  readonly url: string
  readonly #token: string | undefined

  constructor(url: string, token: string | undefined) {
    this.url = url.replace(/\/+$/, '')
    this.#token = token
  }

  /** The JSON of the answer; undefined when it is empty. Rejects with the gateway's error or `transport`. */
  async ask(path: string, options: GatewayRequest = {}): Promise<unknown> {
    const text = await readBounded(await this.open(path, options))
    if (text === '') return undefined
    try {
      return JSON.parse(text)
    } catch (cause) {
      throw this.#notOurs('an answer that is not JSON', cause)
    }
  }

  /** Sends `value` as JSON. */
  send(path: string, value: unknown): Promise<unknown> {
    return this.ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(value)
    })
  }

  /** The body of a good answer, to be read at the caller's pace. */
  async open(path: string, options: GatewayRequest = {}): Promise<Readable> {
    const { method = 'GET', headers = {}, body, signal } = options
    const response = await request(`${this.url}${path}`, {
      method,
      headers: { ...headers, ...(this.#token ? { authorization: `Bearer ${this.#token}` } : {}) },
      headersTimeout: headersTimeoutMs,
      bodyTimeout: silenceTimeoutMs,
      ...(body === undefined ? {} : { body }),
      ...(signal ? { signal } : {})
    }).catch((cause: unknown) => {
      const message = `no answer from ${this.url}: ${String(cause)}; is the gateway running, and is --gateway right?`
      throw new HeadwaterError('transport', message, { cause })
    })
    if (response.statusCode < 300) return response.body
    throw this.#refusal(response.statusCode, await readBounded(response.body))
  }

  #refusal(status: number, text: string): HeadwaterError {
    let code: string
    let message: string
    try {
      const fields = new Fields(JSON.parse(text), 'answer')
      code = fields.text('code')
      message = fields.has('message') ? fields.text('message') : firstReject(fields)
    } catch (cause) {
      return this.#notOurs(`status ${status}`, cause)
    }
    return isErrorCode(code)
      ? new HeadwaterError(code, message)
      : new HeadwaterError('transport', `${code}: ${message}`)
  }

  #notOurs(what: string, cause: unknown): HeadwaterError {
    const message = `${this.url} gave ${what}; is this a Headwater gateway?`
    return new HeadwaterError('transport', message, { cause })
  }
}

/** An Ack whose records were all rejected has its reasons in the list. */
function firstReject(fields: Fields): string {
  return new Fields(fields.array('rejected')[0], 'rejected').text('message')
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorKinds, code)
}

async function readBounded(body: Readable): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > maxAnswerBytes) {
      throw new HeadwaterError('transport', `an answer of more than ${maxAnswerBytes} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
