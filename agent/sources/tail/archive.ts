import type { BigIntStats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { pipeline, Readable } from 'node:stream'
import { createGunzip, type Gunzip } from 'node:zlib'

/** The name that gzip gives to what it has compressed. */
export const archiveSuffix = '.gz'

const pieceBytes = 64 * 1024

/** The length of the last member's content at the end of a gzip file, modulo 2^32 (RFC 1952). */
const trailerBytes = 4

/** What a followed file is read through: an open file, or one within an archive. */
export interface Content {
  stat(options: {
    readonly bigint: true
  }): Promise<Pick<BigIntStats, 'dev' | 'ino' | 'size' | 'mtimeNs' | 'nlink'>>
  /** Fills `buffer` from `position` of the content, as far as that goes. */
  read(buffer: Buffer, from: { readonly position: number }): Promise<{ readonly bytesRead: number }>
  close(): Promise<void>
}

/**
 * The content of a gzip file, as if it were a file: unpacked as a stream, forwards. To read before
 * what was read last begins at the start again; no more is kept in memory than one read asks for.
 *
 * Of an archive that is damaged or cut off, the content ends where it cannot be unpacked any more.
 */
export class Archive implements Content {
  readonly #handle: FileHandle
  #size = 0
  #gunzip: Gunzip | undefined
  #pieces: AsyncIterator<Buffer> | undefined
  /** Unpacked bytes, and where in the content they begin. */
  #window: Buffer = Buffer.alloc(0)
  #from = 0
  #ended = false
  #damage: unknown

  private constructor(handle: FileHandle) {
    this.#handle = handle
  }

  /**
   * Takes over `handle`. `expected` is a length that the content may well have: only if it has not,
   * all is unpacked once to learn it. Rejects for what is no gzip file at all.
   */
  static async open(handle: FileHandle, expected: number): Promise<Archive> {
    const archive = new Archive(handle)
    try {
      const likely = expected > 0 && (await archive.#trailer()) === expected % 2 ** 32
      archive.#size = likely ? expected : await archive.#measure()
      return archive
    } catch (error) {
      await archive.close()
      throw error
    }
  }

  async stat(options: { readonly bigint: true }): ReturnType<Content['stat']> {
    const { dev, ino, mtimeNs, nlink } = await this.#handle.stat(options)
    return { dev, ino, mtimeNs, nlink, size: BigInt(this.#size) }
  }

  async read(
    buffer: Buffer,
    { position }: { readonly position: number }
  ): ReturnType<Content['read']> {
    if (position < this.#from) this.#rewind()
    const end = Math.min(position + buffer.length, this.#size)
    while (this.#end < end && (await this.#unpack(position)));
    this.#dropBefore(position)
    const bytesRead = this.#window.copy(buffer, 0, 0, Math.max(0, end - position))
    return { bytesRead }
  }

  async close(): Promise<void> {
    this.#rewind()
    await this.#handle.close()
  }

  get #end(): number {
    return this.#from + this.#window.length
  }

  async #trailer(): Promise<number> {
    const { size } = await this.#handle.stat()
    const bytes = Buffer.alloc(trailerBytes)
    await this.#handle.read(bytes, { position: Math.max(0, size - trailerBytes) })
    return bytes.readUInt32LE()
  }

  async #measure(): Promise<number> {
    while (await this.#unpack(Number.POSITIVE_INFINITY));
    if (this.#end === 0 && this.#damage !== undefined) throw this.#damage
    return this.#end
  }

  /** Unpacks another piece, and drops what lies before `wanted`. Resolves with false at the end. */
  async #unpack(wanted: number): Promise<boolean> {
    this.#pieces ??= this.#start()
    if (this.#ended) return false
    this.#dropBefore(wanted)
    try {
      const { done, value } = await this.#pieces.next()
      if (done) this.#ended = true
      else this.#window = Buffer.concat([this.#window, value])
    } catch (error) {
      this.#ended = true
      this.#damage = error
    }
    return !this.#ended
  }

  #dropBefore(wanted: number): void {
    const count = Math.min(this.#window.length, Math.max(0, wanted - this.#from))
    this.#window = this.#window.subarray(count)
    this.#from += count
  }

  #start(): AsyncIterator<Buffer> {
    const gunzip = createGunzip({ chunkSize: pieceBytes })
    pipeline(Readable.from(this.#packed()), gunzip, () => {
      // A failure comes out of the iterator.
    })
    this.#gunzip = gunzip
    return gunzip[Symbol.asyncIterator]()
  }

  async *#packed(): AsyncGenerator<Buffer> {
    for (let at = 0; ; ) {
      const piece = Buffer.allocUnsafe(pieceBytes)
      const { bytesRead } = await this.#handle.read(piece, { position: at })
      if (bytesRead === 0) return
      at += bytesRead
      yield piece.subarray(0, bytesRead)
    }
  }

  #rewind(): void {
    this.#gunzip?.destroy()
    this.#pieces = undefined
    this.#window = Buffer.alloc(0)
    this.#from = 0
    this.#ended = false
  }
}
