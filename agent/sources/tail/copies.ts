import { crc32 } from 'node:zlib'
import { headBytes, type Position, recentFrom } from './position.ts'
import { resume } from './resume.ts'
import { isRotationOf } from './rotated-name.ts'
import type { TailFile } from './tail-file.ts'

/** What was read of a file and may be found in a copy: before it was emptied last, and since. */
function contentsOf({ position }: TailFile): readonly Position[] {
  const { emptied } = position
  return [...(emptied ? [emptied] : []), position].filter(({ offset }) => offset > 0)
}

/** The most that was read of what `file` holds or held. */
export function mostRead(file: TailFile): number {
  return Math.max(0, ...contentsOf(file).map(({ offset }) => offset))
}

/** Whether `file` could be a copy of what was read from `other`, by their names and fates. */
export function mayBeCopy(file: TailFile, other: TailFile): boolean {
  const path = file.sighting?.path
  if (other === file || path === undefined) return false
  const contents = contentsOf(other)
  const wholeHead = contents.some(({ head }) => head.length === headBytes)
  if (path === other.home) return wholeHead && (other.state.deleted || !other.sighting)
  return wholeHead || (contents.length > 0 && isRotationOf(path, other.home))
}

/** As above by the beginning of the file, `head`, so that most pairs are told apart unread. */
export function mayHold(file: TailFile, head: Buffer, other: TailFile): boolean {
  const { size } = file.state
  return contentsOf(other).some((position) => {
    const { length, crc } = position.head
    if (size >= length) return crc32(head.subarray(0, length)) === crc
    // Shorter than what was read: a beginning of it holds the first of the recent records at least.
    const from = recentFrom(position)
    const [first] = position.recent
    if (!first || from + first.length > size) return false
    return crc32(head.subarray(from, from + first.length)) === first.crc
  })
}

/** Whether `copy` may have been made of what `original` holds now; both were looked at. */
export async function beginsLike(copy: TailFile, original: TailFile): Promise<boolean> {
  const { size } = copy.state
  if (size === 0 || size > original.state.size) return false
  const length = Math.min(headBytes, size)
  for (const offset of [0, size - length]) {
    const held = await original.read(offset, length)
    if (!(await copy.read(offset, length)).equals(held)) return false
  }
  return true
}

/** Where in `file` reading goes on, if it begins with what is or was in `other`. */
export async function shared(
  file: TailFile,
  other: TailFile
): Promise<{ readonly position: Position; readonly emptied: boolean } | undefined> {
  for (const position of contentsOf(other)) {
    const found = await positionIn(file, position)
    if (found) return { position: found, emptied: position === other.position.emptied }
  }
  return undefined
}

/**
 * Where in `file` reading goes on, if it holds what was read up to `position`, or is a beginning of
 * that, as a copy is that is still being made. Two files that only begin with the same lines are none.
 */
export async function positionIn(
  file: TailFile,
  position: Position
): Promise<Position | undefined> {
  const read = (offset: number, length: number) => file.read(offset, length)
  const { size } = file.state
  const resumed = await resume(read, position, { size, watched: false })
  const { offset, recent } = resumed.position
  if (resumed.change === 'rewritten') return undefined
  if (resumed.change === 'rewound') {
    const next = recent.length > 0 ? position.recent[recent.length] : undefined
    if (size >= position.offset || (next && size - offset >= next.length)) return undefined
  }
  const { home, madeMs, emptied } = file.position
  return { ...resumed.position, home, madeMs, emptied }
}
