import type { Random } from '../../shared/random.ts'
import type { FrameRow } from './frames/frame-row.ts'

export interface Identity {
  readonly epoch: string
  readonly first: number
  readonly prev: number
  /** As in `FrameRow`. */
  readonly unrepeatable: number
}

interface Last {
  readonly seq: number
  readonly unrepeatable: number
}

const none: Last = { seq: 0, unrepeatable: 0 }

/** Gives every record its number, every commit and every segment theirs. */
export class Sequence {
  readonly #random: Random
  readonly #last = new Map<string, Last>()
  #epoch: string
  #version = 0
  #segment = 0

  constructor(random: Random) {
    this.#random = random
    this.#epoch = newEpoch(random)
  }

  /** 32 hexadecimal digits. */
  get epoch(): string {
    return this.#epoch
  }

  /** The records of a frame that is closed now; `first` counts from 1 within epoch and stream. */
  take({ stream, count, sources }: Pick<FrameRow, 'stream' | 'count' | 'sources'>): Identity {
    const { seq: prev, unrepeatable: before } = this.#last.get(stream) ?? none
    const unrepeatable = sources.length > 0 ? before : before + count
    this.#last.set(stream, { seq: prev + count, unrepeatable })
    return { epoch: this.#epoch, first: prev + 1, prev, unrepeatable }
  }

  /** Numbers given so far are never given again: after a commit that failed, or was in doubt. */
  renew(): void {
    this.#epoch = newEpoch(this.#random)
    this.#last.clear()
  }

  nextVersion(): number {
    this.#version += 1
    return this.#version
  }

  nextSegment(): number {
    this.#segment += 1
    return this.#segment
  }

  /** All that follows is above what was found on disk. */
  startAbove({ version, segment }: { version: number; segment: number }): void {
    this.#version = Math.max(this.#version, version)
    this.#segment = Math.max(this.#segment, segment)
  }
}

function newEpoch(random: Random): string {
  return random.bytes(16).toString('hex')
}
