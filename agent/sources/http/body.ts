import type { IncomingMessage } from 'node:http'
import { HeadwaterError } from '../../../shared/errors.ts'
import { recordLimits } from '../../../shared/record.ts'
import { gunzipBounded } from '../../../shared/wire/batch.ts'

/** Bytes of all bodies that are being read or decoded. */
const maxTotalBytes = 64 * 1024 * 1024

/** Reads bodies within a bound for one and a bound for all. */
export class Bodies {
  #heldBytes = 0

  /**
   * Hands the whole body, unpacked, to `use`, whose bytes count until it settles. Rejects with
   * `too_large`, with `unavailable` while too much is held, with `invalid` for what cannot be unpacked.
   */
  async with<T>(request: IncomingMessage, use: (body: Buffer) => Promise<T>): Promise<T> {
    const held = { bytes: 0 }
    try {
      const packed = await this.#read(request, held)
      const encoding = request.headers['content-encoding'] ?? 'identity'
      if (encoding === 'identity') return await use(packed)
      if (encoding !== 'gzip') {
        throw new HeadwaterError('invalid', 'header Content-Encoding must be gzip or absent')
      }
      // A small body may unpack to the limit of one.
      this.#hold(held, recordLimits.batchBytes)
      return await use(await gunzipBounded(packed, 'body'))
    } finally {
      this.#heldBytes -= held.bytes
    }
  }

  async #read(request: IncomingMessage, held: { bytes: number }): Promise<Buffer> {
    const announced = Number(request.headers['content-length'] ?? 0)
    if (announced > recordLimits.batchBytes) tooLarge()
    this.#hold(held, announced)
    const pieces: Buffer[] = []
    let bytes = 0
    const whole: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false })
    for await (const piece of whole) {
      bytes += piece.length
      if (bytes > recordLimits.batchBytes) tooLarge()
      if (bytes > held.bytes) this.#hold(held, bytes - held.bytes)
      pieces.push(piece)
    }
    return Buffer.concat(pieces)
  }

  #hold(held: { bytes: number }, bytes: number): void {
    if (this.#heldBytes + bytes > maxTotalBytes) {
      throw new HeadwaterError('unavailable', 'too many bodies are being read; send again later', {
        retryAfterMs: 1000
      })
    }
    this.#heldBytes += bytes
    held.bytes += bytes
  }
}

function tooLarge(): never {
  throw new HeadwaterError(
    'too_large',
    `the body is over the limit of ${recordLimits.batchBytes} bytes; send several smaller ones`
  )
}
