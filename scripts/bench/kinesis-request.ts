import { Client } from 'undici'

/** Of a call whose signature has the right form and is not verified. */
export function kinesisHeaders(operation: string): Record<string, string> {
  return {
    'content-type': 'application/x-amz-json-1.1',
    'x-amz-target': `Kinesis_20131202.${operation}`,
    'x-amz-date': '20260101T000000Z',
    authorization:
      'AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/kinesis/aws4_request, ' +
      `SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=${'0'.repeat(64)}`
  }
}

/**
 * A bare Kinesis client of one HTTP/1.1 connection, so that what is measured is the server and not
 * an SDK.
 */
export class KinesisRequest {
  readonly #client: Client

  constructor(url: string) {
    this.#client = new Client(url, { headersTimeout: 120_000, bodyTimeout: 120_000 })
  }

  /** The bytes of a good answer. */
  async send(operation: string, body: string | Buffer): Promise<Buffer> {
    const answer = await this.#client.request({
      path: '/',
      method: 'POST',
      headers: kinesisHeaders(operation),
      body
    })
    const bytes = Buffer.from(await answer.body.arrayBuffer())
    if (answer.statusCode !== 200) throw new Error(`${operation}: ${bytes.toString()}`)
    return bytes
  }

  async ask<T>(operation: string, input: object): Promise<T> {
    const bytes = await this.send(operation, JSON.stringify(input))
    return (bytes.length === 0 ? {} : JSON.parse(bytes.toString())) as T
  }

  close(): Promise<void> {
    return this.#client.close()
  }
}
