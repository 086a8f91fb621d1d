import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

const name = /^segment-(\d{16})\.db$/
const rescueSuffix = '.salvage'

/** A segment is named after the first sequence index it may hold, so one is found without opening any. */
export function segmentPath(directory: string, first: number): string {
  return join(directory, `segment-${String(first).padStart(16, '0')}.db`)
}

/** Where the readable part of a damaged file is gathered before it takes the file's place. */
export function rescuePath(path: string): string {
  return path + rescueSuffix
}

/** Ends the salvages in a directory that were cut off. */
export async function endSalvages(directory: string): Promise<void> {
  const files = new Set(await readdir(directory))
  for (const file of files) {
    if (!file.endsWith(rescueSuffix)) continue
    const original = file.slice(0, -rescueSuffix.length)
    // The damaged file goes aside only when its rescue is complete.
    if (files.has(original)) await removeStore(join(directory, file))
    else await rename(join(directory, file), join(directory, original))
  }
}

/** First sequence indexes of the segments in a directory, rising. */
export async function listSegments(directory: string): Promise<number[]> {
  const files = await readdir(directory)
  return files
    .map((file) => name.exec(file)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((a, b) => a - b)
}

/** Removes a SQLite file with its log. */
export async function removeStore(path: string): Promise<void> {
  for (const suffix of ['', '-wal', '-shm']) await rm(path + suffix, { force: true })
}

/** Moves a damaged SQLite file with its log into `quarantine` beside it; resolves with its new path. */
export async function setAside(path: string): Promise<string> {
  const directory = join(dirname(path), 'quarantine')
  await mkdir(directory, { recursive: true })
  const taken = new Set(await readdir(directory))
  let target = basename(path)
  for (let i = 1; taken.has(target); i++) target = `${basename(path)}.${i}`
  for (const suffix of ['-wal', '-shm', '']) {
    await rename(path + suffix, join(directory, target) + suffix).catch((error: unknown) => {
      if (suffix === '') throw error
    })
  }
  await syncDirectory(dirname(path))
  return join(directory, target)
}

/** Bytes of a file; 0 when it is gone. */
export async function fileBytes(path: string): Promise<number> {
  return stat(path).then(
    (found) => found.size,
    () => 0
  )
}

/** Makes names that were created or moved in a directory survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
