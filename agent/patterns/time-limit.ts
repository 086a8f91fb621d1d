import { cpuUsage } from 'node:process'
import { createContext, Script } from 'node:vm'

/** So many pieces may be late before what is left of them is not begun any more. */
const mostLate = 4

/** So often a piece is begun whose time went to other programs, or the machine was asleep. */
const mostAttempts = 5

const call = new Script('work()')

/**
 * Ends work that may never end by itself: matches of an expression that an operator wrote. Nothing
 * but the engine's own watchdog can do that. It costs some 50 µs, so many pieces go in one call.
 */
export class TimeLimit {
  readonly #pieceMs: number
  readonly #place = { work: () => {} }
  readonly #context = createContext(this.#place)

  constructor(pieceMs = 500) {
    this.#pieceMs = pieceMs
  }

  /**
   * Does the pieces from 0 on, in order. Returns those that were given up: each that takes longer
   * than `pieceMs`, and after four of them all that follow. A piece may be stopped wherever it is,
   * and done again, so nothing of it may count but its end.
   */
  each(count: number, piece: (i: number) => void): readonly number[] {
    const late: number[] = []
    let i = 0
    const work = () => {
      for (; i < count; i++) piece(i)
    }
    while (i < count && late.length < mostLate) {
      const first = i
      // One that had just begun when the time of all was up is done again, with all of the time.
      if (!this.#advances(work, () => i > first)) late.push(i++)
    }
    for (; i < count; i++) late.push(i)
    return late
  }

  /** Whether the work ends, or gets past a piece, in its time. */
  #advances(work: () => void, isPast: () => boolean): boolean {
    let leftMs = this.#pieceMs
    for (let attempts = 0; leftMs > 0 && attempts < mostAttempts; attempts++) {
      const begun = cpuUsage()
      if (this.#ends(work) || isPast()) return true
      const { user, system } = cpuUsage(begun)
      leftMs -= (user + system) / 1000
    }
    return false
  }

  #ends(work: () => void): boolean {
    this.#place.work = work
    try {
      call.runInContext(this.#context, { timeout: this.#pieceMs })
      return true
    } catch (error) {
      if (isTimeout(error)) return false
      throw error
    } finally {
      this.#place.work = () => {}
    }
  }
}

/** It is no `Error` of this realm. */
function isTimeout(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('code' in error)) return false
  return error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
}
