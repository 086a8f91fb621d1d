export interface WindowLimits {
  readonly frames: number
  readonly bytes: number
}

/** How much may be on its way to the gateway at once, over all streams. */
export class Window {
  readonly #limits: WindowLimits
  #frames = 0
  #bytes = 0

  constructor(limits: WindowLimits) {
    this.#limits = limits
  }

  get frames(): number {
    return this.#frames
  }

  get bytes(): number {
    return this.#bytes
  }

  get full(): boolean {
    return this.#frames >= this.#limits.frames
  }

  /** A batch that is larger than the window goes alone. */
  fits(bytes: number): boolean {
    if (this.#frames === 0) return true
    return !this.full && this.#bytes + bytes <= this.#limits.bytes
  }

  take(bytes: number): void {
    this.#frames += 1
    this.#bytes += bytes
  }

  give(bytes: number): void {
    this.#frames -= 1
    this.#bytes -= bytes
  }
}
