import type { Random } from '../../shared/random.ts'

export interface Identity {
  readonly epoch: string
  readonly first: number
  readonly prev: number
}

/** Gives every record its number, every commit and every segment theirs. */
export class Sequence {
  readonly #random: Random
  readonly #last = new Map<string, number>()
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
  take(stream: string, count: number): Identity {
    const prev = this.#last.get(stream) ?? 0
    this.#last.set(stream, prev + count)
    return { epoch: this.#epoch, first: prev + 1, prev }
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
