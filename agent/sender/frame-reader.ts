import type { FrameId, StoredFrame } from '../buffer/buffer.ts'
import type { Releases } from './releases.ts'
import { fitsWhole, type PieceLimits, Splitter } from './splitter.ts'

/** Read from the buffer at a time, so that small frames do not cost a query each. Bytes. */
const readBytes = 512 * 1024

/** Room for the header of a batch around its body. Bytes. */
const headerBytes = 1024

/**
 * So many pieces must be settled before larger ones are tried: on a link that is too slow for the
 * whole frame every attempt costs minutes.
 */
const piecesBeforeGrowth = 16

/** A frame, or some of its records, as it is sent. */
export interface Piece {
  readonly frame: StoredFrame
  /** The last of its frame: once this and all before it are settled, the frame is. */
  readonly ends: boolean
  /** All of its frame. */
  readonly whole: boolean
  /** It cannot be split, because its body cannot be read. */
  readonly solid: boolean
}

/** What the gateway has said about sizes; shared by all streams. */
export interface LearnedLimits {
  maxBatchBytes: number
}

export type FrameHead = Pick<StoredFrame, 'id' | 'header'>

/** The frames of one stream, or of one lane of it. */
export interface Shelf {
  /** Frames that follow `after`, from the oldest when absent, as `FrameStore.read` gives them. */
  read(after: FrameHead | undefined, maxBytes: number): Promise<StoredFrame[]>
  /** Asked of each frame before it is sent first; false: it is not of this lane any more. */
  admit?(frame: StoredFrame): Promise<boolean>
}

export interface FrameReaderOptions {
  readonly shelf: Shelf
  readonly releases: Releases
  readonly learned: LearnedLimits
}

/** Reads the frames of a shelf in order and cuts those that are too large. One caller at a time. */
export class FrameReader {
  readonly #options: FrameReaderOptions
  #frames: StoredFrame[] = []
  /** The last frame that was begun. */
  #after: FrameHead | undefined
  #splitter: Splitter | undefined
  #piece: Piece | undefined
  /** The frame that is settled in part, and the last sequence number that is. */
  #settled: { readonly id: FrameId; readonly through: number } | undefined
  #maxRecords = Number.POSITIVE_INFINITY
  #settledPieces = 0

  constructor(options: FrameReaderOptions) {
    this.#options = options
  }

  /** The next piece to send; undefined when there is none now. */
  async peek(): Promise<Piece | undefined> {
    this.#piece ??= await this.#next()
    return this.#piece
  }

  /** The piece of the last `peek` is on its way. */
  take(): void {
    this.#piece = undefined
  }

  /** Pieces are settled in the order in which they were taken. */
  settled({ frame, ends }: Piece): void {
    const through = frame.header.first + frame.header.count - 1
    this.#settled = ends ? undefined : { id: frame.id, through }
    this.#settledPieces += 1
    if (this.#settledPieces % piecesBeforeGrowth === 0) this.#maxRecords *= 2
  }

  /** Back to the oldest record that is not settled. */
  rewind(): void {
    this.#frames = []
    this.#after = undefined
    this.#splitter = undefined
    this.#piece = undefined
  }

  /** Back to the first record of the oldest frame: the gateway does not know what it had of it. */
  restart(): void {
    this.#settled = undefined
    this.rewind()
  }

  /** Pieces of at most so many records, until enough of them are settled. */
  shrink(maxRecords: number): void {
    this.#maxRecords = maxRecords
    this.#settledPieces = 0
  }

  get #limits(): PieceLimits {
    const maxBytes = Math.max(1, this.#options.learned.maxBatchBytes - headerBytes)
    return { maxBytes, maxRecords: this.#maxRecords }
  }

  async #next(): Promise<Piece | undefined> {
    if (!this.#splitter) {
      const frame = await this.#nextFrame()
      if (!frame) return undefined
      const through = this.#settled?.id === frame.id ? this.#settled.through : 0
      if (through === 0 && fitsWhole(frame, this.#limits)) {
        return { frame, ends: true, whole: true, solid: false }
      }
      try {
        this.#splitter = await Splitter.open(frame, through)
      } catch {
        // The gateway shall judge it: this is a frame whose checksum is right.
        return { frame, ends: true, whole: true, solid: true }
      }
    }
    const splitter = this.#splitter
    const frame = await splitter.next(this.#limits)
    if (splitter.done) this.#splitter = undefined
    return { frame, ends: splitter.done, whole: false, solid: false }
  }

  async #nextFrame(): Promise<StoredFrame | undefined> {
    const { shelf } = this.#options
    for (;;) {
      if (this.#frames.length === 0) this.#frames = await this.#read()
      const [frame] = this.#frames
      if (!frame) return undefined
      if (!shelf.admit || (await shelf.admit(frame))) {
        this.#frames.shift()
        this.#after = { id: frame.id, header: frame.header }
        return frame
      }
      this.#frames = []
    }
  }

  async #read(): Promise<StoredFrame[]> {
    const { shelf, releases } = this.#options
    let after = this.#after
    for (;;) {
      const read = await shelf.read(after, readBytes)
      const last = read.at(-1)
      const frames = read.filter(({ id }) => !releases.has(id))
      if (!last || frames.length > 0) return frames
      after = last
    }
  }
}
