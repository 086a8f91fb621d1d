import { crc32 } from 'node:zlib'
import type { Cut } from '../lines/line-cutter.ts'
import { type Check, headBytes, type Mark, type Position } from './position.ts'

/** As many records as a small page of the buffer has room for, and bytes that are soon read again. */
const recentChecks = 48
const recentBytes = 64 * 1024

export const markBytes = 4096
const maxMarks = 16

/** The position behind a cut of `bytes`, which begin at the old position. */
export function advance(position: Position, bytes: Buffer, cut: Cut): Position {
  const offset = position.offset + cut.consumed
  return {
    ...position,
    offset,
    skipping: cut.skipping,
    head: growHead(position, bytes.subarray(0, cut.consumed)),
    recent: recentAfter(position.recent, bytes, cut),
    marks: cut.skipping
      ? position.marks
      : marksIn(bytes, cut).reduce(
          (marks, end) => withMark(marks, markAt(position.offset + end, bytes.subarray(0, end))),
          position.marks
        )
  }
}

/** Ends of records in a cut where marks shall stand: at its end, and ever further before that. */
function marksIn(bytes: Buffer, cut: Cut): number[] {
  const ends = [cut.consumed]
  let i = cut.count - 2
  for (let distance = markBytes; distance < bytes.length; distance *= 2) {
    while (i >= 0 && (cut.nexts[i] as number) > cut.consumed - distance) i -= 1
    if (i < 0) break
    const end = cut.nexts[i] as number
    if (end !== ends.at(-1)) ends.push(end)
  }
  return ends.reverse()
}

/** The head after `bytes`, which follow what was read before. */
export function growHead(
  position: Pick<Position, 'head' | 'offset'>,
  bytes: Buffer
): Position['head'] {
  const { length, crc } = position.head
  if (length === headBytes || length < position.offset) return position.head
  const grown = bytes.subarray(0, headBytes - length)
  return { length: length + grown.length, crc: crc32(grown, crc) }
}

/** The mark at `offset`, where `bytes` end. */
export function markAt(offset: number, bytes: Buffer): Mark {
  const last = bytes.subarray(Math.max(0, bytes.length - markBytes))
  return { offset, length: last.length, crc: crc32(last) }
}

function recentAfter(before: readonly Check[], bytes: Buffer, cut: Cut): Check[] {
  // Only a row of whole records that ends at the new offset can be walked after a restart.
  if (cut.skipping) return []
  if (cut.count === 0) return cut.consumed === 0 ? [...before] : []
  const checks: Check[] = []
  let room = recentBytes
  let stop = cut.consumed
  for (let i = cut.count - 1; i >= 0 && checks.length < recentChecks; i--) {
    const start = i === 0 ? 0 : (cut.nexts[i - 1] as number)
    room -= stop - start
    if (room < 0) return checks.reverse()
    checks.push({ length: stop - start, crc: crc32(bytes.subarray(start, stop)) })
    stop = start
  }
  for (let i = before.length - 1; i >= 0 && checks.length < recentChecks; i--) {
    const check = before[i] as Check
    room -= check.length
    if (room < 0) break
    checks.push(check)
  }
  return checks.reverse()
}

/**
 * Past `maxMarks` the mark goes whose neighbours lie closest together for their distance from the
 * end, so that the marks reach far back and still stand densely near the end.
 */
function withMark(marks: readonly Mark[], mark: Mark): Mark[] {
  const all = [...marks, mark]
  if (all.length <= maxMarks) return all
  let weakest = 1
  let least = Number.POSITIVE_INFINITY
  for (let i = 1; i < all.length - 1; i++) {
    const gap = (all[i + 1] as Mark).offset - (all[i - 1] as Mark).offset
    const weight = gap / (mark.offset - (all[i] as Mark).offset)
    if (weight < least) {
      least = weight
      weakest = i
    }
  }
  return all.toSpliced(weakest, 1)
}
