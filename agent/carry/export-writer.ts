import { type FileHandle, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HeadwaterError } from '../../shared/errors.ts'
import type { StoredFrame } from '../buffer/buffer.ts'
import { type Carry, encodeEntry, type EndEntry, fileHead } from './entry.ts'

export interface ExportWriterOptions {
  readonly carry: Carry
  /** Path of the files without number and ending. */
  readonly base: string
  /** A file is closed before it grows beyond this. FAT takes files below 4 GiB. */
  readonly maxFileBytes: number
}

/** Ending of the files of an export. */
export const exportEnding = '.hwx'

/**
 * Writes frames into one file after the other. There is no renaming: a file is whole when its last
 * entry is there, and what is before that counts without it.
 */
export class ExportWriter {
  readonly #options: ExportWriterOptions
  readonly #paths: string[] = []
  readonly #streams = new Map<string, number>()
  #file: FileHandle | undefined
  #fileBytes = 0

  constructor(options: ExportWriterOptions) {
    this.#options = options
  }

  get paths(): readonly string[] {
    return this.#paths
  }

  /**
   * Frames of one stream come in order. Rejects with `store_full` when the medium is full or fails,
   * with `conflict` when a file is there already.
   */
  async add(frame: Omit<StoredFrame, 'id'>, wallMs: number): Promise<void> {
    const { stream } = frame.header
    const order = this.#streams.get(stream) ?? 0
    const { carry, maxFileBytes } = this.#options
    const entry = encodeEntry({ kind: 'frame', carry, order, wallMs, frame })
    if (this.#file && this.#fileBytes + entry.length > maxFileBytes) await this.#end(undefined)
    await this.#write(entry)
    this.#streams.set(stream, order + 1)
  }

  /** All files are fsynced when it resolves. */
  async finish(): Promise<void> {
    await this.#end(this.#streams)
  }

  /** Takes away what was written, as far as the medium lets it. */
  async discard(): Promise<void> {
    await this.#file?.close().catch(() => undefined)
    this.#file = undefined
    for (const path of this.#paths) await rm(path, { force: true }).catch(() => undefined)
  }

  async #end(streams: EndEntry['streams']): Promise<void> {
    const { carry } = this.#options
    await this.#write(encodeEntry({ kind: 'end', carry, part: this.#paths.length, streams }))
    const file = this.#file
    this.#file = undefined
    const [path = ''] = this.#paths.slice(-1)
    await onMedium(path, async () => {
      await file?.sync()
      await file?.close()
    })
    await syncDirectory(dirname(path))
  }

  async #write(bytes: Buffer): Promise<void> {
    this.#file ??= await this.#create()
    const file = this.#file
    await onMedium(this.#paths.at(-1) ?? '', () => writeAll(file, bytes))
    this.#fileBytes += bytes.length
  }

  async #create(): Promise<FileHandle> {
    const number = String(this.#paths.length + 1).padStart(3, '0')
    const path = `${this.#options.base}.${number}${exportEnding}`
    const file = await onMedium(path, () => open(path, 'wx'))
    this.#paths.push(path)
    await onMedium(path, () => writeAll(file, fileHead))
    this.#fileBytes = fileHead.length
    return file
  }
}

async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at)
    at += bytesWritten
  }
}

/** Not every file system can do that for a directory; FAT writes it with the file. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r').catch(() => undefined)
  await directory?.sync().catch(() => undefined)
  await directory?.close()
}

const full = 'is full; what was written of this export was taken away again'
const problems: Readonly<Record<string, string>> = {
  ENOSPC: full,
  EDQUOT: full,
  EFBIG: 'cannot grow further on this file system; choose a smaller --file-size',
  EROFS: 'lies on a medium that is write-protected',
  EIO: 'cannot be written: the medium failed, or was taken out',
  ENODEV: 'cannot be written: the medium was taken out',
  EACCES: 'may not be written by this user',
  ENOENT: 'lies in a directory that does not exist'
}

async function onMedium<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    if (code === 'EEXIST') {
      throw new HeadwaterError('conflict', `${path} exists; choose another name`, { cause })
    }
    throw new HeadwaterError('store_full', `${path} ${problems[code] ?? String(cause)}`, { cause })
  }
}
