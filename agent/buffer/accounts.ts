import type { OverflowPolicy } from './buffer.ts'
import type { CursorTable } from './cursor-table.ts'
import type { FrameIndex } from './frames/frame-index.ts'
import type { Ledger, Loss } from './ledger.ts'
import { type Progress, saveProgress } from './progress.ts'
import { type SeqRange, SeqRanges } from './seq-ranges.ts'
import type { AgentStore } from './store/agent-store.ts'

export interface AccountsOptions {
  readonly store: AgentStore
  readonly index: FrameIndex
  readonly cursors: CursorTable
  readonly ledger: Ledger
  /** As it was loaded. */
  readonly progress: Progress
}

/** Frames of one row that are in no segment any more, and what was lost with them. */
export interface WriteOff {
  readonly policy: OverflowPolicy
  readonly ids: readonly SeqRange[]
  readonly losses: readonly Loss[]
}

/**
 * Brings to disk what became of the frames: how far the sending has come, what is gone, what is
 * lost. A frame that is not there and is not accounted for was taken away by somebody else.
 */
export class Accounts {
  readonly #options: AccountsOptions
  readonly #lowest = new Map<OverflowPolicy, () => number>()
  #gone: Progress['gone']
  #suspended = false
  #saved = ''

  constructor(options: AccountsOptions) {
    this.#options = options
    this.#gone = options.progress.gone
  }

  /** `lowestHeldId`: ids of this row below it are settled. */
  include(policy: OverflowPolicy, lowestHeldId: () => number): void {
    this.#lowest.set(policy, lowestHeldId)
  }

  /**
   * What a salvage found missing is not accounted for until `conclude`: how far the sending has come
   * is not saved meanwhile, since it would pass over the holes.
   */
  get suspended(): boolean {
    return this.#suspended
  }

  suspend(): void {
    this.#suspended = true
  }

  /** Durable when it resolves. Called before a segment is unlinked. */
  writeOff(one: WriteOff): Promise<void> {
    return this.#write([one], { concludes: false })
  }

  /** As `writeOff`, but on disk only with the next `save`. */
  note(one: Omit<WriteOff, 'losses'>): void {
    this.#gone = this.#goneWith([one])
  }

  /** As `writeOff`, for all that a salvage found; the suspension ends with it. */
  conclude(all: readonly WriteOff[]): Promise<void> {
    return this.#write(all, { concludes: true })
  }

  /** May be lost in a power cut, and costs no fsync. False: how far the sending has come was left out. */
  async save(): Promise<boolean> {
    const { store, cursors, ledger } = this.#options
    const told = !this.#suspended
    const settled = this.#suspended ? [] : cursors.takeSettled(this.#lowestIds())
    const body = () => JSON.stringify(this.#progress(this.#gone))
    const changed = !this.#suspended && (settled.length > 0 || body() !== this.#saved)
    if (!changed && !ledger.unsaved) return told
    let saved = this.#saved
    await store.write(
      async (db) => {
        if (changed) {
          // As it is by now: a write-off may have come between.
          saved = body()
          await saveProgress(db, saved, settled)
        }
        return ledger.save(db)
      },
      { lazy: true }
    )
    this.#saved = saved
    return told
  }

  #write(all: readonly WriteOff[], { concludes }: { concludes: boolean }): Promise<void> {
    const { store, ledger } = this.#options
    const losses = all.flatMap((one) => one.losses)
    return store.write(async (db) => {
      const count = await ledger.write(db, losses)
      if (this.#suspended && !concludes) return count
      const gone = this.#goneWith(all)
      await saveProgress(db, JSON.stringify(this.#progress(gone)), [])
      return () => {
        this.#gone = gone
        this.#suspended = false
        count()
      }
    })
  }

  #progress(gone: Progress['gone']): Progress {
    const lowest = this.#lowestIds()
    const through = { 'drop-oldest': lowest['drop-oldest'] - 1, block: lowest.block - 1 }
    const above = (policy: OverflowPolicy) => gone[policy].filter(([, to]) => to > through[policy])
    return {
      through,
      gone: { 'drop-oldest': above('drop-oldest'), block: above('block') },
      runs: this.#options.index.settledRuns()
    }
  }

  #goneWith(all: readonly Omit<WriteOff, 'losses'>[]): Progress['gone'] {
    const of = (policy: OverflowPolicy) => {
      const ids = new SeqRanges(this.#gone[policy])
      for (const one of all)
        if (one.policy === policy) for (const range of one.ids) ids.add(...range)
      return ids.ranges()
    }
    return { 'drop-oldest': of('drop-oldest'), block: of('block') }
  }

  #lowestIds(): Record<OverflowPolicy, number> {
    const lowest = (policy: OverflowPolicy) => this.#lowest.get(policy)?.() ?? 0
    return { 'drop-oldest': lowest('drop-oldest'), block: lowest('block') }
  }
}
