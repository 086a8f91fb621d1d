import type { HashRange, ReadResult, ShardId, ShardPosition } from '../engines/engine.ts'
import type { ShardCheckpoint } from './checkpoint.ts'
import { RepeatFilter } from './repeat-filter.ts'
import { type UserRecord, unpack } from './user-record.ts'

/** Where a reader stands in one shard. */
export class ShardCursor {
  readonly shard: ShardId
  /** Where the next read begins. */
  next: ShardPosition
  /** The shard is closed and read to its end. */
  done = false
  /** A reader that does not follow has found nothing more here. */
  atTip = false
  /** Absent before the shard is begun, and when its children have taken it over. */
  filter: RepeatFilter | undefined
  #skip: { readonly sequence: string; readonly subSequence: number } | undefined

  constructor(shard: ShardId, next: ShardPosition) {
    this.shard = shard
    this.next = next
  }

  static resume(saved: ShardCheckpoint, maxMarks: number): ShardCursor {
    const cursor = new ShardCursor(saved.shard, saved.next)
    cursor.done = saved.done
    cursor.#skip = saved.skip
    if (saved.ranges) cursor.filter = new RepeatFilter(saved.ranges, maxMarks)
    return cursor
  }

  /** Called once all parents are done. */
  begin(range: HashRange, parents: readonly ShardCursor[], maxMarks: number): void {
    const filters = parents.flatMap((parent) => parent.filter ?? [])
    this.filter ??= RepeatFilter.inherit(range, filters, maxMarks)
  }

  /** Takes the user records out of what was read, at most `max` (from 1), and moves behind them. */
  take(stream: string, result: ReadResult, max: number): UserRecord[] {
    const records: UserRecord[] = []
    const place = { stream, shard: this.shard }
    // Without ranges it takes everything for new.
    const filter = this.filter ?? new RepeatFilter([], 0)
    for (const record of result.records) {
      const { sequence } = record
      const done = this.#skip?.sequence === sequence ? this.#skip.subSequence : -1
      for (const member of unpack(record, place, filter)) {
        if (member.subSequence <= done) continue
        records.push(member)
        if (records.length < max) continue
        // Before the next member is looked at: to look is to mark it as seen.
        this.next = { at: 'sequence', sequence }
        this.#skip = { sequence, subSequence: member.subSequence }
        return records
      }
    }
    this.#skip = undefined
    if (result.next) this.next = result.next
    else this.done = true
    return records
  }

  save(): ShardCheckpoint {
    const { shard, next, done, filter } = this
    return {
      shard,
      next,
      done,
      ...(this.#skip ? { skip: this.#skip } : {}),
      ...(filter ? { ranges: filter.ranges } : {})
    }
  }
}
