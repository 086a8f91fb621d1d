import type { Shortage } from '../capacity.ts'
import type { SeqRange } from '../seq-ranges.ts'
import { isUnwritable } from '../store/data-directory.ts'
import type { RowShared } from './row-shared.ts'
import type { Segment } from './segment.ts'
import type { SegmentList } from './segment-list.ts'

export interface LettingGoOptions {
  readonly list: SegmentList
  readonly shared: RowShared
  /** Begins a new segment, so that the newest may go. */
  readonly roll: () => Promise<unknown>
}

/** Unlinks segments of one row: those that are released in full, and for room the oldest. */
export class LettingGo {
  readonly #options: LettingGoOptions

  constructor(options: LettingGoOptions) {
    this.#options = options
  }

  /** What is released in full, but for the newest. Says whether it unlinked something. */
  async sweep(): Promise<boolean> {
    const { list, shared } = this.#options
    const { index, accounts } = shared
    if (this.#isSuspended) return false
    const found = list.sealed.filter(({ place }) => !index.holds(place.number))
    if (found.length === 0) return false
    const gone = { policy: list.policy, ids: this.#idsIn(found), losses: [] }
    await accounts.writeOff(gone).catch((error: unknown) => {
      // On a full disk room comes first. A crash before it is written down means that a source goes
      // back to what was sent.
      if (!isUnwritable(error)) throw error
      accounts.note(gone)
    })
    for (const segment of found) await list.remove(segment)
    return true
  }

  /** The same, the newest too: another then takes its place. */
  async sweepAll(): Promise<boolean> {
    const { list, shared, roll } = this.#options
    const number = list.newest?.place.number
    if (this.#isSuspended) return false
    if (number === undefined || shared.index.holds(number) || !shared.index.knows(number)) {
      return this.sweep()
    }
    await roll()
    return true
  }

  /**
   * Drops the oldest segment with what is held in it, ledger first. For the floor of the disk the
   * last one is kept: to drop it would win nothing.
   */
  async dropOldest(short: Shortage): Promise<boolean> {
    const { list, shared, roll } = this.#options
    const { index, accounts, store } = shared
    const { newest } = list
    if (list.all.length === 1 && newest && index.holds(newest.place.number)) {
      if (short === 'disk') return false
      await roll()
    }
    const [oldest] = list.sealed
    if (!oldest) return false
    const losses = [...index.heldIn(oldest.place.number)].map(([stream, records]) => ({
      stream,
      reason: 'overflow' as const,
      records
    }))
    await accounts.writeOff({ policy: list.policy, ids: this.#idsIn([oldest]), losses })
    await list.remove(oldest)
    store.log.error({ losses }, 'the buffer is full: its oldest records were dropped')
    return true
  }

  get #isSuspended(): boolean {
    const { store, accounts } = this.#options.shared
    return store.readOnly() || accounts.suspended
  }

  #idsIn(segments: readonly Segment[]): SeqRange[] {
    return segments.flatMap(({ place }) => {
      const ids = this.#options.shared.index.idsIn(place.number)
      return ids ? [ids] : []
    })
  }
}
