import { HeadwaterError } from '../../shared/errors.ts'
import type { BatchHeader } from '../../shared/wire/batch.ts'
import type { FrameId, FrameStore, Parked, StoredFrame } from '../buffer/buffer.ts'
import type { CarriedFrame } from './read-export.ts'
import { readEntry } from './scan-file.ts'

/** Records of one frame that the gateway never takes. */
export interface Refused {
  readonly frame: CarriedFrame
  readonly code: Parked['code']
  readonly reason: string
  readonly records: number
}

interface Line {
  readonly frames: readonly CarriedFrame[]
  readonly settled: Set<number>
  /** All before this one are settled. */
  head: number
}

/** The frames of exports as the sender takes them. What is settled is forgotten with the program. */
export class CarriedFrames implements FrameStore {
  readonly #lines = new Map<string, Line>()
  /** What the gateway refused for good. */
  readonly refused: Refused[] = []
  readonly #unreadable = new AbortController()
  #settledRecords = 0

  constructor(frames: readonly CarriedFrame[]) {
    const byStream = new Map<string, CarriedFrame[]>()
    for (const frame of frames) {
      const line = byStream.get(frame.header.stream) ?? []
      byStream.set(frame.header.stream, line)
      line.push(frame)
    }
    for (const [stream, line] of byStream) {
      this.#lines.set(stream, { frames: line, settled: new Set(), head: 0 })
    }
  }

  /** Settled, those that were refused included. */
  get settledRecords(): number {
    return this.#settledRecords
  }

  /** Aborts, with the error, when a file cannot be read any more: its medium is gone or was changed. */
  get unreadable(): AbortSignal {
    return this.#unreadable.signal
  }

  streams(): readonly string[] {
    return [...this.#lines].filter(([, line]) => oldest(line)).map(([stream]) => stream)
  }

  /** Ends before what cannot be read: the replay ends with that, and nobody is to try again. */
  async read(stream: string, after: FrameId | undefined, maxBytes: number): Promise<StoredFrame[]> {
    const line = this.#lines.get(stream)
    const found: StoredFrame[] = []
    if (!line) return found
    let bytes = 0
    for (let i = Math.max(line.head, after === undefined ? 0 : placeOf(after).index + 1); ; i++) {
      const frame = line.frames[i]
      if (!frame || (found.length > 0 && bytes + frame.bytes > maxBytes)) return found
      if (line.settled.has(i)) continue
      const body = await this.#bodyOf(frame)
      if (!body) return found
      bytes += frame.bytes
      found.push({ ...body, id: `${i}/${stream}` })
    }
  }

  floor(stream: string, epoch: string): number {
    const line = this.#lines.get(stream)
    if (!line) return 0
    for (let i = line.head; i < line.frames.length; i++) {
      const { header } = line.frames[i] as CarriedFrame
      if (header.epoch === epoch && !line.settled.has(i)) return header.first
    }
    return 0
  }

  /** What the device knew of its clock when it exported is what there is. */
  currentHeader({ header }: StoredFrame): BatchHeader {
    return { ...header, floor: Math.min(this.floor(header.stream, header.epoch), header.first) }
  }

  async release(id: FrameId, parked: readonly Parked[] = []): Promise<void> {
    const { stream, index } = placeOf(id)
    const line = this.#lines.get(stream)
    const frame = line?.frames[index]
    if (!line || !frame || index < line.head || line.settled.has(index)) return
    line.settled.add(index)
    while (line.settled.delete(line.head)) line.head += 1
    this.#settledRecords += frame.header.count
    for (const { code, reason, seqs } of parked) {
      const records = seqs?.length ?? frame.header.count
      this.refused.push({ frame, code, reason, records })
    }
  }

  async #bodyOf(frame: CarriedFrame): Promise<Omit<StoredFrame, 'id'> | undefined> {
    try {
      return await bodyOf(frame)
    } catch (error) {
      this.#unreadable.abort(error)
      return undefined
    }
  }

  /** Nothing new ever comes. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }
}

function oldest({ frames, head }: Line): CarriedFrame | undefined {
  return frames[head]
}

function placeOf(id: FrameId): { readonly stream: string; readonly index: number } {
  const slash = id.indexOf('/')
  return { stream: id.slice(slash + 1), index: Number(id.slice(0, slash)) }
}

async function bodyOf({ path, at }: CarriedFrame): Promise<Omit<StoredFrame, 'id'>> {
  const entry = await readEntry(path, at)
  if (entry.kind === 'frame') return entry.frame
  throw new HeadwaterError('store_corrupt', `${path} was changed while it was read`)
}
