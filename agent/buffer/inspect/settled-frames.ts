import type { OverflowPolicy } from '../buffer.ts'
import type { Progress } from '../progress.ts'
import { SeqRanges } from '../seq-ranges.ts'

/** Where a frame stands, as far as that decides whether it is settled. */
export interface FrameNumbers {
  readonly policy: OverflowPolicy
  readonly id: number
  readonly stream: string
  readonly epoch: string
  readonly first: number
  readonly count: number
}

/** Which frames need no sending any more, as the agent last saved it. */
export class SettledFrames {
  readonly #progress: Progress
  readonly #gone: Readonly<Record<OverflowPolicy, SeqRanges>>
  readonly #runs = new Map<string, SeqRanges>()

  constructor(progress: Progress) {
    this.#progress = progress
    const { gone } = progress
    this.#gone = {
      'drop-oldest': new SeqRanges(gone['drop-oldest']),
      block: new SeqRanges(gone.block)
    }
    for (const { stream, epoch, ranges } of progress.runs) {
      const run = this.#runs.get(runName(stream, epoch)) ?? new SeqRanges()
      for (const range of ranges) run.add(...range)
      this.#runs.set(runName(stream, epoch), run)
    }
  }

  has({ policy, id, stream, epoch, first, count }: FrameNumbers): boolean {
    if (id <= this.#progress.through[policy]) return true
    if (this.#gone[policy].nextInside(id) === id) return true
    const run = this.#runs.get(runName(stream, epoch))
    return run !== undefined && run.outside(first, first + count - 1).length === 0
  }
}

function runName(stream: string, epoch: string): string {
  return `${epoch}/${stream}`
}
