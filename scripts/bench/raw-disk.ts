import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'

export interface RawDisk {
  readonly bytesPerSecond: number
  readonly syncMs: number
}

/** What this disk gives to append and fdatasync in pieces of `pieceBytes`, nothing else done. */
export async function measureRawDisk(directory: string, pieceBytes = 256 * 1024): Promise<RawDisk> {
  const path = join(directory, 'raw-append')
  const file = await open(path, 'w')
  const piece = Buffer.alloc(pieceBytes, 'x')
  const begin = performance.now()
  let pieces = 0
  while (performance.now() - begin < 3000) {
    await file.write(piece)
    await file.datasync()
    pieces += 1
  }
  const seconds = (performance.now() - begin) / 1000
  await file.close()
  await rm(path)
  return { bytesPerSecond: (pieces * pieceBytes) / seconds, syncMs: (seconds * 1000) / pieces }
}
