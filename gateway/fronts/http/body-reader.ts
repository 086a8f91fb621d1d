import type { IncomingMessage } from 'node:http'
import type { BytePool, Reservation } from '../../../shared/byte-pool.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { recordLimits } from '../../../shared/record.ts'
import { gunzipBounded } from '../../../shared/wire/batch.ts'

/** A body in memory; `release` gives its bytes back to the pool, when nothing refers to it there. */
export interface Body {
  readonly bytes: Buffer
  /** What it took on the wire. */
  readonly wireBytes: number
  release(): void
}

export interface BodyReaderOptions {
  /** Largest body as it comes, packed or not. Bytes. */
  readonly maxBytes: number
  /** For bodies while they come, at the pace of the network. */
  readonly reading: BytePool
  /** For bodies being unpacked: apart, so that nobody holds of one pool while in line for it. */
  readonly unpacking: BytePool
}

/** A body of unknown length takes room as it comes, or a few slow ones would hold all of it. Bytes. */
const stepBytes = 64 * 1024

/** Reads bodies whole, within bounds that hold for one and for all together. */
export class BodyReader {
  readonly #options: BodyReaderOptions

  constructor(options: BodyReaderOptions) {
    this.#options = options
  }

  /** Rejects with `too_large`, with `invalid` for an encoding it does not know, with `unavailable`. */
  async read(request: IncomingMessage): Promise<Body> {
    const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase()
    if (encoding !== 'identity' && encoding !== 'gzip') {
      throw new HeadwaterError('invalid', 'Content-Encoding must be gzip or absent')
    }
    const body = await this.#readWire(request)
    if (encoding === 'identity') return body
    try {
      const unpacked = await this.unpack(body.bytes, 'body')
      return { ...unpacked, wireBytes: body.wireBytes }
    } finally {
      body.release()
    }
  }

  /** Unpacks gzip, to at most the limit of a batch. Rejects with `too_large`, `invalid`, `unavailable`. */
  async unpack(packed: Buffer, what: string): Promise<Omit<Body, 'wireBytes'>> {
    const place = await this.#options.unpacking.reserve(recordLimits.batchBytes)
    try {
      const bytes = await gunzipBounded(packed, what)
      place.shrink(bytes.length)
      return { bytes, release: () => place.release() }
    } catch (error) {
      place.release()
      throw error
    }
  }

  async #readWire(request: IncomingMessage): Promise<Body> {
    const { maxBytes, reading } = this.#options
    const announced = request.headers['content-length']
    if (Number(announced ?? 0) > maxBytes) throw this.#tooLarge()
    const places: Reservation[] = []
    const release = () => {
      for (const place of places) place.release()
    }
    let reserved = 0
    const reserve = async (bytes: number) => {
      places.push(await reading.reserve(bytes))
      reserved += bytes
    }
    try {
      await reserve(announced === undefined ? stepBytes : Number(announced))
      const bytes = await this.#gather(request, async (length) => {
        while (length > reserved) await reserve(stepBytes)
      })
      return { bytes, wireBytes: bytes.length, release }
    } catch (error) {
      release()
      throw error
    }
  }

  async #gather(
    request: IncomingMessage,
    makeRoom: (length: number) => Promise<void>
  ): Promise<Buffer> {
    const chunks: Buffer[] = []
    let length = 0
    // Left whole on an early end: the answer still has to go out on its socket.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      length += chunk.length
      if (length > this.#options.maxBytes) throw this.#tooLarge()
      await makeRoom(length)
      chunks.push(chunk)
    }
    return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length)
  }

  #tooLarge(): HeadwaterError {
    return new HeadwaterError(
      'too_large',
      `the body is over the limit of ${this.#options.maxBytes} bytes; send fewer records at once`
    )
  }
}
