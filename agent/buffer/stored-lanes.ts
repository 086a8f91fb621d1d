import type { DeviceTime } from '../clock/device-time.ts'
import type { LaneStore, NewestFrame, SeqPlace, SeqRange, StoredFrame } from './buffer.ts'
import type { BufferCore } from './buffer-core.ts'
import type { HeldFrames } from './frames/held-frames.ts'

interface Parts {
  readonly core: Pick<BufferCore, 'index' | 'live'>
  readonly held: HeldFrames
}

/** What lanes ask of a buffer. */
export class StoredLanes implements LaneStore {
  readonly #running: () => Parts
  readonly #time: DeviceTime

  /** `running` throws while the buffer does not run, and so does all of this. */
  constructor(running: () => Parts, time: DeviceTime) {
    this.#running = running
    this.#time = time
  }

  epochs(stream: string): readonly string[] {
    return this.#running().core.index.epochs(stream)
  }

  async readFrom(stream: string, place: SeqPlace, maxBytes: number): Promise<StoredFrame[]> {
    return this.#running().held.readFrom(stream, place, maxBytes)
  }

  nextHeld(stream: string, place: SeqPlace): number {
    return this.#running().core.index.nextHeld(stream, place)
  }

  newest(stream: string): NewestFrame | undefined {
    return this.#running().core.index.newest(stream)
  }

  ageMs({ closed }: StoredFrame): number {
    return closed ? this.#time.since(closed) : 0
  }

  live(stream: string, epoch: string): readonly SeqRange[] | undefined {
    return this.#running().core.live.get({ stream, epoch })
  }

  async saveLive(stream: string, live: ReadonlyMap<string, readonly SeqRange[]>): Promise<void> {
    const rows = [...live].map(([epoch, ranges]) => ({ stream, epoch, ranges }))
    await this.#running().core.live.save(rows)
  }

  final(stream: string, epoch: string): number {
    return this.#running().core.live.final({ stream, epoch })
  }
}
