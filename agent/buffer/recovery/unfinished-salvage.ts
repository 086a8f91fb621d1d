import type { Accounts } from '../accounts.ts'
import type { OverflowPolicy } from '../buffer.ts'
import type { FoundRow } from './row-loader.ts'
import type { SegmentRow } from '../segments/segment-row.ts'
import { removeStore, type StoreContext } from '../store/store-file.ts'
import { Turns } from '../store/turns.ts'

export interface UnfinishedSalvageOptions {
  readonly store: StoreContext
  readonly accounts: Accounts
  readonly rows: Readonly<Record<OverflowPolicy, SegmentRow>>
  readonly found: Readonly<Record<OverflowPolicy, FoundRow>>
}

/**
 * What a salvage leaves to be written: the cursors as chosen, then what is gone, and at last the
 * damaged files are removed. Cut short, the next start makes the same choice again, so nothing is
 * appended before it is finished.
 */
export class UnfinishedSalvage {
  readonly #options: UnfinishedSalvageOptions
  readonly #turns = new Turns()
  #doubtful: readonly FoundRow[]
  /** Rows whose cursors are written. */
  readonly #renewed = new Set<OverflowPolicy>()

  constructor(options: UnfinishedSalvageOptions) {
    this.#options = options
    this.#doubtful = Object.values(options.found).filter(({ doubtful }) => doubtful)
    if (this.#doubtful.length > 0) options.accounts.suspend()
    const damaged = this.#doubtful.some((row) => row.damaged.length > 0)
    // What was salvaged into memory goes with it: the damaged files stay for the next start.
    if (damaged && options.store.readOnly()) this.#doubtful = []
  }

  /** Does nothing when there is nothing to finish. */
  finish(): Promise<void> {
    return this.#turns.take(async () => {
      const { accounts, rows, store } = this.#options
      if (this.#doubtful.length === 0 || store.readOnly()) return
      for (const { policy } of this.#doubtful) {
        if (!this.#renewed.has(policy)) await rows[policy].renew()
        this.#renewed.add(policy)
      }
      await accounts.conclude(this.#doubtful.map(({ policy, gone }) => ({ policy, ...gone })))
      const damaged = this.#doubtful.flatMap((row) => row.damaged)
      this.#doubtful = []
      for (const path of damaged) await this.#remove(path)
    })
  }

  async #remove(path: string): Promise<void> {
    await removeStore(path).catch((error: unknown) => {
      const message = 'a damaged file cannot be removed; the next start salvages it again'
      this.#options.store.log.warn({ error, path }, message)
    })
  }
}
