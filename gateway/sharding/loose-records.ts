import { ColumnsBuilder } from '../../shared/columns-builder.ts'
import { sourceKey } from '../../shared/kpl/kpl.ts'
import { offsetsOf } from '../../shared/record.ts'
import type { LooseRecord, Parcel, ParcelRow, Run } from './parcel.ts'

/** By batch as they came, and within a batch by number: each source and key keeps its order. */
export function sortLoose(records: LooseRecord[]): LooseRecord[] {
  return records.sort((a, b) => a.batch.arrival - b.batch.arrival || a.seq - b.seq)
}

/** The same records as runs, in the same order. */
export function* runsOf(records: readonly LooseRecord[]): Generator<Run> {
  let start = 0
  for (let i = 1; i <= records.length; i++) {
    const before = records[i - 1]
    const next = records[i]
    if (!before || (next && follows(before, next))) continue
    yield runOf(before, records.slice(start, i))
    start = i
  }
}

/** The records of a parcel packed anew as two halves, in order. */
export function halves(parcel: Parcel, newRow: () => ParcelRow): Parcel[] {
  const records = parcel.unpack()
  const middle = records.length >>> 1
  return [records.slice(0, middle), records.slice(middle)].flatMap((half) => {
    const row = newRow()
    for (const run of runsOf(half)) row.add(run, 0)
    return row.drain()
  })
}

function follows(before: LooseRecord, next: LooseRecord): boolean {
  return (
    next.batch === before.batch &&
    next.seq === before.seq + 1 &&
    next.repeatable === before.repeatable &&
    next.source.clock === before.source.clock &&
    sourceKey(next.source) === sourceKey(before.source)
  )
}

function runOf(like: LooseRecord, records: readonly LooseRecord[]): Run {
  const builder = new ColumnsBuilder(like)
  for (const { data, partitionKey, time, attributes } of records) {
    builder.add(data, { partitionKey, time, attributes: attributes ?? undefined })
  }
  const columns = builder.build()
  return {
    records: columns,
    offsets: offsetsOf(columns.lens),
    source: like.source,
    clock: like.source.clock,
    sourceKey: sourceKey(like.source),
    first: like.seq - records.length + 1,
    offsetMs: 0,
    batch: like.batch,
    repeatable: like.repeatable
  }
}
