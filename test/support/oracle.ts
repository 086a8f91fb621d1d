import assert from 'node:assert/strict'
import { type ReadRecord, textOf } from './programs.ts'

/**
 * What was written to a tailed file is what is read from the stream: each line once, the same
 * bytes, in the order of the file. Lines are compared by their number, so that a failure names
 * the first one at fault instead of printing all.
 */
export function assertLinesOnceInOrder(
  records: readonly ReadRecord[],
  lines: readonly string[]
): void {
  const got = records.map(textOf)
  const different = got.findIndex((line, i) => line !== lines[i])
  const about = (list: readonly string[]) => list.slice(Math.max(0, different - 1), different + 2)
  assert.equal(
    different,
    -1,
    `record ${different} differs: read ${JSON.stringify(about(got))}, written ${JSON.stringify(about(lines))}; ${got.length} read, ${new Set(got).size} different, ${lines.length} written`
  )
  assert.equal(got.length, lines.length, `${lines.length} written, ${got.length} read`)
}

/** As above by partition key, for sources that have several. */
export function assertOnceInOrderByKey(
  records: readonly ReadRecord[],
  written: ReadonlyMap<string, readonly string[]>
): void {
  const byKey = new Map<string, ReadRecord[]>()
  for (const record of records) {
    const list = byKey.get(record.partitionKey)
    if (list) list.push(record)
    else byKey.set(record.partitionKey, [record])
  }
  assert.deepEqual([...byKey.keys()].sort(), [...written.keys()].sort())
  for (const [key, lines] of written) assertLinesOnceInOrder(byKey.get(key) ?? [], lines)
}
