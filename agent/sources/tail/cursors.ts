import type { Cursor } from '../../buffer/buffer.ts'
import { asHeadwaterError } from '../../../shared/errors.ts'
import { encodeCbor } from '../../../shared/wire/cbor.ts'
import { decodePosition, encodePosition, type Position } from './position.ts'
import type { TailFile } from './tail-file.ts'

/**
 * The cursor of a file is named `<source>:<device>-<inode>`: a renamed file keeps it. The one named
 * `<source>` alone says that the source has run before.
 */
export function fileCursor(source: string, file: TailFile): Cursor {
  return { source: `${source}:${file.key}`, position: encodePosition(file.position) }
}

export function removedCursor(source: string, file: TailFile): Cursor {
  return { source: `${source}:${file.key}`, position: Buffer.alloc(0) }
}

export function markerCursor(source: string): Cursor {
  return { source, position: encodeCbor({ v: 1 }) }
}

/**
 * The positions of an earlier life by key. Throws `store_too_new`. A position that cannot be
 * understood goes to `unreadable`; its file is read from the start, since loss is worse than a repeat.
 */
export function readCursors(
  source: string,
  cursors: ReadonlyMap<string, Buffer>,
  unreadable: (cursor: string, error: unknown) => void
): Map<string, Position> {
  const positions = new Map<string, Position>()
  for (const [name, bytes] of cursors) {
    if (name === source) continue
    try {
      positions.set(name.slice(source.length + 1), decodePosition(bytes))
    } catch (error) {
      if (asHeadwaterError(error).code === 'store_too_new') throw error
      unreadable(name, error)
    }
  }
  return positions
}
