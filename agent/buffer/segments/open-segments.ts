import type { Segment } from './segment.ts'

/** Segments that are only read may stay open so many at a time. */
const maxOpen = 3

/** Closes the segment that was not read for longest, so that a long backlog costs few open files. */
export class OpenSegments {
  readonly #segments = new Set<Segment>()

  /** This one is read now, or was written until now. */
  async touch(segment: Segment): Promise<void> {
    this.#segments.delete(segment)
    this.#segments.add(segment)
    for (const one of this.#segments) {
      if (this.#segments.size <= maxOpen) return
      if (!one.idle || one === segment) continue
      this.#segments.delete(one)
      await one.close()
    }
  }

  forget(segment: Segment): void {
    this.#segments.delete(segment)
  }
}
