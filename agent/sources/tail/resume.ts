import { crc32 } from 'node:zlib'
import { headBytes, type Mark, type Position, recentFrom, startOf } from './position.ts'

/** Reads up to `length` bytes of one file; fewer at its end. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>

/**
 * Where to go on in a file of `size` bytes whose position is known from before: `same` when it still
 * holds what was read, `rewound` when it lost its end, `rewritten` when it is other content.
 */
export interface Resumed {
  readonly change: 'same' | 'rewound' | 'rewritten'
  readonly position: Position
}

/**
 * After a power cut a file may come back shorter than it was read, or with another end, since its
 * own bytes were never synced. All up to the first byte that differs has been read, so reading goes
 * on at the record that holds it: found exactly among the last records, else at the last mark that
 * matches, which repeats at most what lies between two marks. A file with another head was
 * truncated and written anew: it is read from its start. So is a file that lost a part of its head
 * and was written to since, which cannot be told from that.
 *
 * While a file is watched (`watched`), nothing but a truncation makes it shorter, and a head that is
 * not complete is then no proof that it is the same: the rewritten file may begin with the same line.
 */
export async function resume(
  read: ReadAt,
  position: Position,
  state: { readonly size: number; readonly watched: boolean }
): Promise<Resumed> {
  const { head, recent, marks, offset } = position
  const { size, watched } = state
  const sameHead = size >= head.length && crc32(await read(0, head.length)) === head.crc
  const last = marks.at(-1)
  const checked = last && last.offset === offset ? last : undefined
  if (sameHead && size >= offset && (!checked || (await matches(read, checked)))) {
    return { change: 'same', position }
  }
  const headProves = sameHead && (!watched || head.length === headBytes)
  const headIsCut = !watched && size < head.length
  if (headProves || headIsCut) {
    const from = recentFrom(position)
    const records = from < size ? await matchingRecords(read, position, from) : 0
    const to = recent.slice(0, records).reduce((at, check) => at + check.length, from)
    // Where the head is no proof, nothing but what was read may be there.
    const torn = recent[records]?.length ?? 0
    if (records > 0 && (headProves || size - to < torn)) {
      return rewound(read, position, { offset: to, records })
    }
    const mark = headProves && (await lastMatch(read, marks, Math.min(size, from)))
    if (mark) return rewound(read, position, { offset: mark.offset, records: 0 })
  }
  return { change: 'rewritten', position: startOf(position) }
}

async function matches(read: ReadAt, mark: Mark): Promise<boolean> {
  const bytes = await read(mark.offset - mark.length, mark.length)
  return bytes.length === mark.length && crc32(bytes) === mark.crc
}

async function matchingRecords(read: ReadAt, position: Position, from: number): Promise<number> {
  const bytes = await read(from, position.offset - from)
  let at = 0
  let count = 0
  for (const { length, crc } of position.recent) {
    const record = bytes.subarray(at, at + length)
    if (record.length !== length || crc32(record) !== crc) break
    at += length
    count += 1
  }
  return count
}

async function lastMatch(
  read: ReadAt,
  marks: readonly Mark[],
  limit: number
): Promise<Mark | undefined> {
  for (const mark of marks.toReversed()) {
    if (mark.offset <= limit && (await matches(read, mark))) return mark
  }
  return undefined
}

/** The position as it was at `offset`, behind the first `records` of its recent ones. */
async function rewound(
  read: ReadAt,
  position: Position,
  to: { readonly offset: number; readonly records: number }
): Promise<Resumed> {
  const { offset, records } = to
  const length = Math.min(position.head.length, offset)
  return {
    change: 'rewound',
    position: {
      ...position,
      offset,
      skipping: false,
      head: { length, crc: crc32(await read(0, length)) },
      recent: position.recent.slice(0, records),
      marks: position.marks.filter((mark) => mark.offset <= offset)
    }
  }
}
