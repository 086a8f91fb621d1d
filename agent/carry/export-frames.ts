import { dirname } from 'node:path'
import { formatByteSize } from '../../shared/byte-size.ts'
import { HeadwaterError } from '../../shared/errors.ts'
import { freeBytesOf } from '../../shared/free-bytes.ts'
import type { FrameId } from '../buffer/buffer.ts'
import type { Carry } from './entry.ts'
import { ExportWriter } from './export-writer.ts'
import type { ExportSource } from './export-source.ts'
import { readExport } from './read-export.ts'

export interface ExportOptions {
  readonly carry: Carry
  /** Path of the files without number and ending. */
  readonly base: string
  readonly maxFileBytes: number
}

export interface Exported {
  readonly paths: readonly string[]
  readonly frames: number
  readonly records: number
  readonly streams: readonly string[]
  /** Those that may be released now: they are in the files, which were fsynced and read back. */
  readonly ids: readonly FrameId[]
}

/** Room beyond the bodies: heads of entries, directory, rounding to clusters. */
const spareBytes = 4 * 1024 ** 2

/**
 * Writes all frames of `source` and reads them back. Rejects with `store_full` when there is no room
 * or the medium fails, and with `store_corrupt` when what is read back is not what was written; then
 * nothing is left of the files.
 */
export async function exportFrames(
  source: ExportSource,
  options: ExportOptions
): Promise<Exported> {
  await checkRoom(source, dirname(options.base))
  const writer = new ExportWriter(options)
  const written = { frames: 0, records: 0 }
  const streams = new Set<string>()
  const ids: FrameId[] = []
  try {
    for await (const { frame, wallMs, id } of source.frames()) {
      await writer.add(frame, wallMs)
      written.frames += 1
      written.records += frame.header.count
      streams.add(frame.header.stream)
      if (id !== undefined) ids.push(id)
    }
    if (written.frames > 0) {
      await writer.finish()
      await verify(writer.paths, written)
    }
  } catch (error) {
    await writer.discard()
    throw error
  }
  return { ...written, paths: writer.paths, streams: [...streams], ids }
}

async function checkRoom({ bytes }: ExportSource, directory: string): Promise<void> {
  const free = await freeBytesOf(directory).catch((cause: unknown) => {
    throw new HeadwaterError('config', `${directory} is not there, or cannot be used`, { cause })
  })
  if (free >= bytes + spareBytes) return
  const [needs, has] = [bytes + spareBytes, free].map(roundedSize)
  throw new HeadwaterError(
    'store_full',
    `${directory} has ${has} free and about ${needs} are needed; export less with --stream or --until`
  )
}

/** In whole MiB, so that it is short. */
function roundedSize(bytes: number): string {
  return formatByteSize(Math.ceil(bytes / 1024 ** 2) * 1024 ** 2)
}

async function verify(
  paths: readonly string[],
  written: { readonly frames: number; readonly records: number }
): Promise<void> {
  const { frames, problems } = await readExport(paths)
  const records = frames.reduce((sum, { header }) => sum + header.count, 0)
  if (problems.length === 0 && frames.length === written.frames && records === written.records)
    return
  const found = problems[0] ?? `${frames.length} of ${written.frames} frames`
  throw new HeadwaterError('store_corrupt', `what was written cannot be read back: ${found}`)
}
