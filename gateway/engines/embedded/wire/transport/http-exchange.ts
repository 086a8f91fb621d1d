import type { IncomingHttpHeaders } from 'node:http'
import type { Readable, Writable } from 'node:stream'

/** What requests over HTTP/1.1 and over HTTP/2 have in common. */
export interface HttpRequest extends Readable {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly httpVersionMajor: number
}

/** What answers over HTTP/1.1 and over HTTP/2 have in common. */
export interface HttpResponse extends Writable {
  statusCode: number
  readonly headersSent: boolean
  /** Of HTTP/2 only. */
  readonly stream?: { readonly destroyed: boolean; close(): void }
  setHeader(name: string, value: string | number): unknown
}

/** Answers one request; never rejects. */
export type HttpHandler = (request: HttpRequest, response: HttpResponse) => void
