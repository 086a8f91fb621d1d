/** Reading resumes when this share of a bound is in use, so that it does not stop again at once. */
export const resumeShare = 0.8

/** What Node reads from a socket at once. */
const readBytes = 64 * 1024

/** Bytes that all connections together hold for messages without an answer. */
export class PendingPool {
  readonly #maxBytes: number
  readonly #waiting = new Set<() => void>()
  #usedBytes = 0
  /** What sockets that were resumed may bring and have not brought yet. */
  #expectedBytes = 0
  #pauses = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  get isFull(): boolean {
    return this.#usedBytes >= this.#maxBytes
  }

  /** How often a connection was stopped at its own bound or at that of all. */
  get pauses(): number {
    return this.#pauses
  }

  countPause(): void {
    this.#pauses += 1
  }

  /** What is given back is negative. */
  add(bytes: number): void {
    this.#usedBytes += bytes
    if (bytes < 0) this.#resumeSome()
  }

  whenRoom(resume: () => void): void {
    this.#waiting.add(resume)
  }

  /** A socket that was resumed has brought something. */
  arrived(): void {
    this.#expectedBytes = Math.max(0, this.#expectedBytes - readBytes)
  }

  /** From time to time: sockets that were resumed and are silent make room for others. */
  tick(): void {
    this.#expectedBytes = 0
    this.#resumeSome()
  }

  /** One read for each that there is room for, or thousands of them would fill it many times over. */
  #resumeSome(): void {
    if (this.#usedBytes > this.#maxBytes * resumeShare) return
    for (const resume of this.#waiting) {
      if (this.#usedBytes + this.#expectedBytes >= this.#maxBytes) return
      this.#waiting.delete(resume)
      this.#expectedBytes += readBytes
      resume()
    }
  }

  forget(resume: () => void): void {
    this.#waiting.delete(resume)
  }
}
