import { HeadwaterError } from '../../../shared/errors.ts'
import { decodeCbor, encodeCbor } from '../../../shared/wire/cbor.ts'
import { Fields, integerOf } from '../../../shared/wire/fields.ts'

/**
 * How far a file has been read, and what was there, so that the same bytes are known again.
 *
 * The checks are CRC-32: they tell files apart that share an inode number by accident, together
 * with that number, and are not a defence against forgery, since who can write the file can write
 * any line into it. A CRC can be carried on as the head grows, without keeping its bytes.
 */
export interface Position {
  /** The path that matched when the file was first seen; rotation renames the file, not this. */
  readonly home: string
  /** When the file was made or last emptied, so that it is known what came after it. Milliseconds. */
  readonly madeMs: number
  /**
   * When the file was last changed, as of the last read; 0 before that. A rotated file that was made
   * later holds something unread. Milliseconds.
   */
  readonly readMs: number
  /** Bytes that are done with, from the start of the file. */
  readonly offset: number
  /** `offset` lies within a line that was cut; its rest is to be passed over. */
  readonly skipping: boolean
  /** Of the first `length` bytes: all that was read, at most `headBytes`. */
  readonly head: { readonly length: number; readonly crc: number }
  /** The last records read, ending at `offset`, oldest first. */
  readonly recent: readonly Check[]
  /** Ends of records, ascending, the last at `offset` (but while skipping): dense at the end, sparse before. */
  readonly marks: readonly Mark[]
  /** How far it had been read when it was emptied last, so that a copy of what it held is known. */
  readonly emptied: Position | undefined
}

export interface Check {
  /** Bytes of the file, newline included. */
  readonly length: number
  readonly crc: number
}

/** The check is of the `length` bytes that end at `offset`. */
export interface Mark extends Check {
  readonly offset: number
}

export const headBytes = 1024

/** Where the first of the recent records begins. */
export function recentFrom({ offset, recent }: Position): number {
  return recent.reduce((from, check) => from - check.length, offset)
}

const version = 1

export function startOf({ home, madeMs }: Pick<Position, 'home' | 'madeMs'>): Position {
  return {
    home,
    madeMs,
    readMs: 0,
    offset: 0,
    skipping: false,
    head: { length: 0, crc: 0 },
    recent: [],
    marks: [],
    emptied: undefined
  }
}

/** The start of a file that was read up to `before`, now that it holds something else. */
export function startAfter(before: Position, madeMs: number): Position {
  // A file may be given the time of another, which is no later than it was made itself.
  const start = startOf({ home: before.home, madeMs: Math.max(before.madeMs, madeMs) })
  if (before.offset === 0) return { ...start, emptied: before.emptied }
  const { recent, marks } = before
  // A copy is at most a few lines shorter than what was read, so little is enough to know it.
  const emptied = {
    ...before,
    recent: recent.slice(-8),
    marks: marks.slice(-4),
    emptied: undefined
  }
  return { ...start, emptied }
}

/** `{ v, home, made, read?, offset, skipping, head: [length, crc], recent: [length, crc, …], marks: [offset, length, crc, …], emptied?: { … } }` */
export function encodePosition(position: Position): Buffer {
  return encodeCbor({ v: version, ...toMap(position) })
}

function toMap(position: Position): object {
  const { home, madeMs, readMs, offset, skipping, head, recent, marks, emptied } = position
  return {
    home,
    made: madeMs,
    ...(readMs > 0 ? { read: readMs } : {}),
    offset,
    skipping,
    head: [head.length, head.crc],
    recent: recent.flatMap((check) => [check.length, check.crc]),
    marks: marks.flatMap((mark) => [mark.offset, mark.length, mark.crc]),
    ...(emptied ? { emptied: toMap(emptied) } : {})
  }
}

/** Throws `store_too_new` for a later version, `invalid` for anything else that is not a position. */
export function decodePosition(bytes: Buffer): Position {
  const fields: Fields = new Fields(decodeCbor(bytes, 'tail cursor'), 'tail cursor')
  const found = fields.uint('v')
  if (found > version) {
    throw new HeadwaterError(
      'store_too_new',
      `a tail cursor has version ${found}, this program reads ${version}; run the newer program`
    )
  }
  const emptied = fields.has('emptied')
    ? readFields(new Fields(fields.get('emptied'), 'tail cursor: emptied'))
    : undefined
  return { ...readFields(fields), emptied }
}

function readFields(fields: Fields): Position {
  const [length = 0, crc = 0] = numbers(fields, 'head', 2)
  const recent = numbers(fields, 'recent', 2)
  const marks = numbers(fields, 'marks', 3)
  return {
    home: fields.text('home'),
    madeMs: Number(fields.get('made')) || 0,
    readMs: fields.has('read') ? Number(fields.get('read')) || 0 : 0,
    offset: fields.uint('offset'),
    skipping: fields.get('skipping') === true,
    head: { length, crc },
    recent: groups(recent, 2).map(([length = 0, crc = 0]) => ({ length, crc })),
    marks: groups(marks, 3).map(([offset = 0, length = 0, crc = 0]) => ({ offset, length, crc })),
    emptied: undefined
  }
}

function numbers(fields: Fields, name: string, groupOf: number): number[] {
  const values = fields.array(name).map(integerOf)
  if (values.length % groupOf !== 0) fields.fail(name, `must hold groups of ${groupOf}`)
  return values.map((value) => value ?? fields.fail(name, 'must hold integers'))
}

function groups(values: readonly number[], size: number): number[][] {
  return Array.from({ length: values.length / size }, (_, i) =>
    values.slice(i * size, (i + 1) * size)
  )
}
