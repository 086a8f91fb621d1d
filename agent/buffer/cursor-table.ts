import type { OverflowPolicy } from './buffer.ts'
import type { CursorRow } from './cursor-row.ts'

/** Removed cursors that are remembered, so that an older copy of one does not come back. */
const maxRemoved = 1000

interface Entry {
  readonly policy: OverflowPolicy
  readonly cursor: CursorRow
}

/**
 * The committed cursors, and of each the newest one behind which all frames are settled: what lies
 * before that one was delivered, so to go back to it after a damage loses nothing and doubles
 * little.
 */
export class CursorTable {
  readonly #cursors = new Map<string, Entry>()
  /** Candidates for `takeSettled`, of the sources that changed since they last gave one. */
  readonly #candidates = new Map<string, Entry>()

  apply(policy: OverflowPolicy, cursors: readonly CursorRow[]): void {
    for (const cursor of cursors) {
      const known = this.#cursors.get(cursor.source)
      if (known && known.cursor.version > cursor.version) continue
      // Moved to the end, so that the cursor removed longest ago is forgotten first.
      this.#cursors.delete(cursor.source)
      this.#cursors.set(cursor.source, { policy, cursor })
      if (!this.#candidates.has(cursor.source)) {
        this.#candidates.set(cursor.source, { policy, cursor })
      }
    }
    if (cursors.some(isRemoved)) this.#forgetRemoved()
  }

  /** All cursors whose source is `prefix` or begins with `prefix:`. */
  positions(prefix: string): ReadonlyMap<string, Buffer> {
    const found = new Map<string, Buffer>()
    for (const [source, { cursor }] of this.#cursors) {
      if (isRemoved(cursor)) continue
      if (source === prefix || source.startsWith(`${prefix}:`)) found.set(source, cursor.position)
    }
    return found
  }

  /** Number of the commit that brought the cursor of a source, removed or not. */
  versionOf(source: string): number | undefined {
    return this.#cursors.get(source)?.cursor.version
  }

  /** What a new segment of a row begins with. */
  of(policy: OverflowPolicy): CursorRow[] {
    return [...this.#cursors.values()].flatMap((entry) =>
      entry.policy === policy ? entry.cursor : []
    )
  }

  /** Cursors that became settled since the last call; `lowest`: lowest id that is held, by row. */
  takeSettled(lowest: Readonly<Record<OverflowPolicy, number>>): CursorRow[] {
    const settled: CursorRow[] = []
    for (const [source, candidate] of this.#candidates) {
      const newest = this.#cursors.get(source) ?? candidate
      const below = (entry: Entry) => entry.cursor.through < lowest[entry.policy]
      const found = [newest, candidate].find(below)
      if (!found) continue
      settled.push(found.cursor)
      if (found === newest) this.#candidates.delete(source)
      else this.#candidates.set(source, newest)
    }
    return settled
  }

  #forgetRemoved(): void {
    const removed = [...this.#cursors].filter(([, { cursor }]) => isRemoved(cursor))
    for (const [source] of removed.slice(0, Math.max(0, removed.length - maxRemoved))) {
      this.#cursors.delete(source)
    }
  }
}

function isRemoved({ position }: CursorRow): boolean {
  return position.length === 0
}
