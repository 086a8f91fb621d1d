import { type FileHandle, open } from 'node:fs/promises'
import { HeadwaterError } from '../../shared/errors.ts'
import {
  decodeEntry,
  type Entry,
  entryHeadBytes,
  entryMark,
  fileHead,
  fileVersion,
  readHead
} from './entry.ts'

/** An entry and where it lies. */
export interface FoundEntry {
  readonly at: number
  readonly bytes: number
  readonly entry: Entry
}

/** Bytes from `from` to `to` that are no entries. `torn`: they reach to the end of the file. */
export interface DamagedSpan {
  readonly from: number
  readonly to: number
  readonly torn: boolean
}

/** Looked through at a time for the next entry. Bytes. */
const searchBytes = 1024 * 1024

/**
 * Everything in a file of an export, checked, in the order in which it lies there. Throws `config`
 * when it cannot be opened, `store_too_new` when a newer program wrote it.
 */
export async function* scanFile(path: string): AsyncGenerator<FoundEntry | DamagedSpan> {
  const file = await openFile(path)
  try {
    const { size } = await file.stat()
    let at = (await isHeadSound(file, path)) ? fileHead.length : 0
    let soundTo = at
    while (at < size) {
      const place = await placeAt(file, at)
      if (place.entry) {
        if (at > soundTo) yield { from: soundTo, to: at, torn: false }
        yield { at, bytes: place.bytes, entry: place.entry }
        soundTo = at + place.bytes
      }
      // What a sound head says of its length is true, also where the content is damaged.
      at = place.bytes > 0 ? at + place.bytes : await nextMark(file, at + 1, size)
    }
    if (size > soundTo) yield { from: soundTo, to: size, torn: true }
  } finally {
    await file.close()
  }
}

/** The entry at a place where one was found before. Rejects with `store_corrupt`. */
export async function readEntry(path: string, at: number): Promise<Entry> {
  const file = await openFile(path)
  try {
    const { entry } = await placeAt(file, at)
    if (entry) return entry
    throw new HeadwaterError('store_corrupt', `${path} cannot be read again at byte ${at}`)
  } finally {
    await file.close()
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r')
  } catch (cause) {
    const message = `${path} cannot be read: ${String(cause)}`
    throw new HeadwaterError('config', message, { cause })
  }
}

/** Whether the head is as it was written; when it is damaged the entries speak for themselves. */
async function isHeadSound(file: FileHandle, path: string): Promise<boolean> {
  const head = await readAt(file, 0, fileHead.length + 8)
  const version = /^headwater-export (\d+)\n/.exec(head.toString('latin1'))?.[1]
  if (Number(version ?? 0) > fileVersion) {
    const message = `${path} has version ${version}, this program reads ${fileVersion}; run a newer one`
    throw new HeadwaterError('store_too_new', message)
  }
  return version === String(fileVersion)
}

/** `bytes`: 0 where no head is; with a head and no `entry`, the content is damaged. */
async function placeAt(
  file: FileHandle,
  at: number
): Promise<{ readonly bytes: number; readonly entry?: Entry }> {
  const head = readHead(await readAt(file, at, entryHeadBytes))
  if (!head) return { bytes: 0 }
  const bytes = entryHeadBytes + head.bytes
  const content = await readAt(file, at + entryHeadBytes, head.bytes)
  try {
    return { bytes, entry: decodeEntry(content, head.crc) }
  } catch {
    return { bytes }
  }
}

async function nextMark(file: FileHandle, from: number, size: number): Promise<number> {
  for (let at = from; at < size; at += searchBytes) {
    // Overlapping, so that a mark on the border is seen.
    const found = (await readAt(file, at, searchBytes + entryMark.length)).indexOf(entryMark)
    if (found !== -1) return at + found
  }
  return size
}

/** Less than `length` at the end, and where the medium cannot be read. */
async function readAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, at + filled).catch(failed)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return bytes.subarray(0, filled)
}

function failed(error: NodeJS.ErrnoException): { bytesRead: number } {
  if (error.code !== 'EIO') throw error
  return { bytesRead: 0 }
}
