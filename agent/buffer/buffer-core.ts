import { AgentStore } from './store/agent-store.ts'
import type { OverflowPolicy } from './buffer.ts'
import type { Capacity } from './capacity.ts'
import type { CursorRow } from './cursor-row.ts'
import { CursorTable } from './cursor-table.ts'
import { DeadLetters, deadLettersTable, readDeadLetters } from './dead-letters.ts'
import { FrameIndex } from './frames/frame-index.ts'
import { Ledger, lossesTable } from './ledger.ts'
import {
  loadProgress,
  loadSettledCursors,
  progressTable,
  saveProgress,
  settledCursorsTable
} from './progress.ts'
import type { RecentFrames } from './frames/recent-frames.ts'
import { type FoundRow, loadRow } from './recovery/row-loader.ts'
import type { RowShared } from './segments/row-shared.ts'
import { SegmentRow } from './segments/segment-row.ts'
import type { Sequence } from './sequence.ts'
import { removeStore, type StoreContext } from './store/store-file.ts'

export interface CoreOptions {
  readonly store: StoreContext
  readonly sequence: Sequence
  readonly capacity: Capacity
  readonly recent: RecentFrames
  readonly segmentBytes: number
  readonly deadLetterBytes: number
}

const policies = ['drop-oldest', 'block'] as const
const tables = [lossesTable, deadLettersTable, progressTable, settledCursorsTable]

/** What is on disk, opened: both rows of segments and `agent.db`. */
export class BufferCore {
  readonly rows: Readonly<Record<OverflowPolicy, SegmentRow>>
  readonly index: FrameIndex
  readonly cursors: CursorTable
  readonly ledger: Ledger
  readonly deadLetters: DeadLetters
  readonly #agentStore: AgentStore
  readonly #store: StoreContext
  #saved = ''

  private constructor(
    shared: RowShared,
    found: Readonly<Record<OverflowPolicy, FoundRow>>,
    rest: { readonly agentStore: AgentStore; readonly deadLetters: DeadLetters }
  ) {
    this.rows = {
      'drop-oldest': new SegmentRow('drop-oldest', shared, found['drop-oldest']),
      block: new SegmentRow('block', shared, found.block)
    }
    this.index = shared.index
    this.cursors = shared.cursors
    this.ledger = shared.ledger
    this.deadLetters = rest.deadLetters
    this.#agentStore = rest.agentStore
    this.#store = shared.store
  }

  /** Rejects with `store_too_new`, with `store_full`, and when `signal` aborts. */
  static async open(options: CoreOptions, signal: AbortSignal): Promise<BufferCore> {
    const { store, sequence } = options
    const agentStore = await AgentStore.open(store, tables)
    try {
      const ledger = await Ledger.load(agentStore)
      const deadLetters = await DeadLetters.load(agentStore, ledger, options.deadLetterBytes)
      const progress = await loadProgress(agentStore)
      const settledCursors = await loadSettledCursors(agentStore)
      const shared = { ...options, index: new FrameIndex(), cursors: new CursorTable(), ledger }
      const load = { store, index: shared.index, progress, settledCursors, signal }
      const found = {
        'drop-oldest': await loadRow('drop-oldest', load),
        block: await loadRow('block', load)
      }
      for (const { highest } of Object.values(found)) sequence.startAbove(highest)
      for (const { version } of settledCursors) sequence.startAbove({ version, segment: 0 })
      const core = new BufferCore(shared, found, { agentStore, deadLetters })
      core.#takeCursors(found, settledCursors)
      await core.#finishSalvage(found)
      for (const policy of policies) await core.rows[policy].sweep()
      return core
    } catch (error) {
      await agentStore.close().catch(() => undefined)
      throw error
    }
  }

  /** How far the sending has come; may be lost in a power cut. */
  async saveProgress(): Promise<void> {
    const { index, rows } = this
    const lowest = {
      'drop-oldest': rows['drop-oldest'].lowestHeldId,
      block: rows.block.lowestHeldId
    }
    const through = { 'drop-oldest': lowest['drop-oldest'] - 1, block: lowest.block - 1 }
    const progress = { through, runs: index.settledRuns() }
    const settled = this.cursors.takeSettled(lowest)
    const body = JSON.stringify(progress)
    if (body === this.#saved && settled.length === 0 && !this.ledger.unsaved) return
    await this.#agentStore.write(
      async (db) => {
        await saveProgress(db, progress, settled)
        return this.ledger.save(db)
      },
      { lazy: true }
    )
    this.#saved = body
  }

  deadLetterPage(page: { readonly after?: number; readonly limit: number }) {
    return readDeadLetters(this.#agentStore, page)
  }

  /** The directory can be written by now: copies in memory are let go. */
  async reopen(): Promise<void> {
    for (const policy of policies) await this.rows[policy].close()
    await this.#agentStore.reopen()
  }

  /** All cleanup is tried; rejects with what went wrong. */
  async close(): Promise<void> {
    const closing = [
      ...policies.map((policy) => this.rows[policy].close()),
      this.#agentStore.close()
    ]
    const errors = (await Promise.allSettled(closing)).flatMap((one) =>
      one.status === 'rejected' ? [one.reason as unknown] : []
    )
    if (errors.length > 0) throw new AggregateError(errors, 'the buffer did not close cleanly')
  }

  #takeCursors(
    found: Readonly<Record<OverflowPolicy, FoundRow>>,
    settled: readonly CursorRow[]
  ): void {
    for (const policy of policies) this.cursors.apply(policy, found[policy].cursors)
    const doubtful = policies.find((policy) => found[policy].doubtful)
    const empty = policies.every((policy) => found[policy].segments.length === 0)
    if (!doubtful && !empty) return
    const lost = settled.filter(({ source }) => this.cursors.positions(source).size === 0)
    this.cursors.apply(doubtful ?? 'drop-oldest', lost)
  }

  /** The cursors as chosen are written before the damaged files go, so a crash repeats the choice. */
  async #finishSalvage(found: Readonly<Record<OverflowPolicy, FoundRow>>): Promise<void> {
    for (const policy of policies) {
      const { doubtful, damaged, losses } = found[policy]
      if (!doubtful || this.#store.readOnly()) continue
      try {
        await this.rows[policy].renew()
        await this.ledger.add(losses)
        for (const path of damaged) await removeStore(path)
      } catch (error) {
        this.#store.log.error(
          { error },
          'a salvage cannot be finished now; the next start repeats it'
        )
      }
    }
  }
}
