import { readFile, stat } from 'node:fs/promises'
import { scanWal } from '../../../shared/wal-scan.ts'
import { readHeader } from './first-page.ts'

/** In SQLite's header: https://sqlite.org/fileformat2.html#the_database_header. */
const pageSizeAt = 16
const pageCountAt = 28
const headerBytes = 100

/** In a log: https://sqlite.org/fileformat2.html#walformat. */
const logHeaderBytes = 32
const frameHeaderBytes = 24
const logPageSizeAt = 8

/**
 * Whether every page that a store file counts is there, in the file or in the commits of its log.
 * Where one is not, SQLite reads zeros, fails as if the disk did, or says that the file is damaged.
 * True for a file that is not there, or cannot be read now.
 */
export async function isWhole(path: string): Promise<boolean> {
  try {
    return await hasAllPages(path)
  } catch {
    return true
  }
}

async function hasAllPages(path: string): Promise<boolean> {
  // The log is read first: what is copied from it into the file meanwhile is then seen twice.
  const log = logOf(await readLog(path))
  const { size } = await stat(path)
  // SQLite throws away the log of an empty file.
  if (size === 0) return log === undefined
  const header = await readHeader(path)
  if (!header) return size >= headerBytes
  const pageSize = header.readUInt16BE(pageSizeAt) === 1 ? 65_536 : header.readUInt16BE(pageSizeAt)
  const count = log?.pageCount ?? header.readUInt32BE(pageCountAt)
  const inFile = Math.floor(size / pageSize)
  // So many cannot be in the log; a damaged count must not keep us busy.
  if (count - inFile > (log?.pages.size ?? 0)) return false
  for (let page = inFile + 1; page <= count; page++) if (!log?.pages.has(page)) return false
  return true
}

async function readLog(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(`${path}-wal`)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

interface Log {
  readonly pages: ReadonlySet<number>
  /** Of the whole file, as of the last commit. */
  readonly pageCount: number
}

/** Undefined when it has no commit. */
function logOf(wal: Buffer | undefined): Log | undefined {
  if (!wal) return undefined
  const { validFrames } = scanWal(wal)
  const pages = new Set<number>()
  let committed = 0
  let pageCount = 0
  for (let frame = 0; frame < validFrames; frame++) {
    const at = logHeaderBytes + frame * (frameHeaderBytes + wal.readUInt32BE(logPageSizeAt))
    pages.add(wal.readUInt32BE(at))
    const size = wal.readUInt32BE(at + 4)
    if (size === 0) continue
    pageCount = size
    committed = frame + 1
  }
  return committed > 0 ? { pages, pageCount } : undefined
}
