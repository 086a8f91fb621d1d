import { AgentStore } from './store/agent-store.ts'
import { Accounts } from './accounts.ts'
import type { OverflowPolicy } from './buffer.ts'
import type { Capacity } from './capacity.ts'
import type { CursorRow } from './cursor-row.ts'
import { CursorTable } from './cursor-table.ts'
import { DeadLetters, deadLettersTable, readDeadLetters } from './dead-letters.ts'
import { FrameIndex } from './frames/frame-index.ts'
import { Ledger, lossesTable } from './ledger.ts'
import { loadProgress, loadSettledCursors, progressTable, settledCursorsTable } from './progress.ts'
import { LiveTable, liveTable } from './live-table.ts'
import type { RecentFrames } from './frames/recent-frames.ts'
import { giveUpRepeated } from './recovery/repeated-frames.ts'
import { type FoundRow, loadRow } from './recovery/row-loader.ts'
import { UnfinishedSalvage } from './recovery/unfinished-salvage.ts'
import type { RowShared } from './segments/row-shared.ts'
import { SegmentRow } from './segments/segment-row.ts'
import type { Sequence } from './sequence.ts'
import type { DataDirectory } from './store/data-directory.ts'
import type { StoreContext } from './store/store-file.ts'

export interface CoreOptions {
  readonly store: StoreContext
  readonly sequence: Sequence
  readonly capacity: Capacity
  readonly recent: RecentFrames
  readonly segmentBytes: number
  readonly deadLetterBytes: number
}

const policies = ['drop-oldest', 'block'] as const
const tables = [lossesTable, deadLettersTable, progressTable, settledCursorsTable, liveTable]

/** What is on disk, opened: both rows of segments and `agent.db`. */
export class BufferCore {
  readonly rows: Readonly<Record<OverflowPolicy, SegmentRow>>
  readonly index: FrameIndex
  readonly cursors: CursorTable
  readonly ledger: Ledger
  readonly deadLetters: DeadLetters
  readonly live: LiveTable
  readonly #agentStore: AgentStore
  readonly #accounts: Accounts
  readonly #unfinished: UnfinishedSalvage

  private constructor(
    shared: RowShared,
    found: Readonly<Record<OverflowPolicy, FoundRow>>,
    rest: {
      readonly agentStore: AgentStore
      readonly deadLetters: DeadLetters
      readonly ledger: Ledger
      readonly live: LiveTable
    }
  ) {
    this.rows = {
      'drop-oldest': new SegmentRow('drop-oldest', shared, found['drop-oldest']),
      block: new SegmentRow('block', shared, found.block)
    }
    this.index = shared.index
    this.cursors = shared.cursors
    this.ledger = rest.ledger
    this.deadLetters = rest.deadLetters
    this.live = rest.live
    this.#agentStore = rest.agentStore
    this.#accounts = shared.accounts
    this.#unfinished = new UnfinishedSalvage({ ...shared, rows: this.rows, found })
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
      const index = new FrameIndex()
      const cursors = new CursorTable()
      const accounts = new Accounts({ store: agentStore, index, cursors, ledger, progress })
      const shared = { ...options, index, cursors, accounts }
      const load = { store, index, progress, settledCursors, signal }
      const found = {
        'drop-oldest': await loadRow('drop-oldest', load),
        block: await loadRow('block', load)
      }
      for (const { highest } of Object.values(found)) sequence.startAbove(highest)
      for (const { version } of settledCursors) sequence.startAbove({ version, segment: 0 })
      const live = await LiveTable.load(agentStore, index.allEpochs())
      const core = new BufferCore(shared, found, { agentStore, deadLetters, ledger, live })
      core.#takeCursors(found, settledCursors)
      await core.#salvage(found, shared)
      for (const policy of policies) await core.rows[policy].sweep()
      return core
    } catch (error) {
      await agentStore.close().catch(() => undefined)
      throw error
    }
  }

  /** How far the sending has come; may be lost in a power cut. */
  async saveProgress(): Promise<void> {
    const final = this.live.finalBy(this.index)
    if (await this.#accounts.save()) this.live.settle(final)
  }

  deadLetterPage(page: { readonly after?: number; readonly limit: number }) {
    return readDeadLetters(this.#agentStore, page)
  }

  /** To be asked before each commit. Rejects while what was salvaged cannot be written. */
  async writable(directory: DataDirectory): Promise<boolean> {
    if (!(await directory.retry(() => this.#reopen()))) return false
    await this.#unfinished.finish()
    return true
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

  /** The directory can be written by now: copies in memory are let go. */
  async #reopen(): Promise<void> {
    for (const policy of policies) await this.rows[policy].close()
    await this.#agentStore.reopen()
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
    // Its frames are settled, whichever row they were in.
    const anyRow = lost.map((one) => ({ ...one, through: 0 }))
    this.cursors.apply(doubtful ?? 'drop-oldest', anyRow)
  }

  /** Frames whose sources went back are given up; then the salvage is finished, if that can be. */
  async #salvage(found: Readonly<Record<OverflowPolicy, FoundRow>>, shared: RowShared) {
    const { store, sequence } = shared
    for (const { policy, segments, doubtful } of Object.values(found)) {
      if (!doubtful) continue
      const records = await giveUpRepeated(segments, shared)
      if (records > 0) store.log.warn({ records }, 'sources went back to before what is gone')
      // Newer than those that were passed over: a later salvage must not choose one of them,
      // wherever the damage lies.
      const version = sequence.nextVersion()
      const again = this.cursors.of(policy).map((one) => ({ ...one, version }))
      this.cursors.apply(policy, again)
    }
    await this.#unfinished
      .finish()
      .catch((error: unknown) =>
        store.log.error(
          { error },
          'a salvage cannot be finished now; nothing is appended before it is'
        )
      )
  }
}
