import { type Beside, isRotationOf, type Sighting } from './file-finder.ts'
import type { TailFile } from './tail-file.ts'

/**
 * Archives that hold something unread, by `beside` of each home: where the file that was read last
 * of a home is gone or is an archive now, those that were last written when it was, or later. The
 * first may be that file; what was written later was never seen. Where it is still there as it was,
 * nothing that was compressed is unread.
 */
export function archivesAfter(
  files: readonly TailFile[],
  beside: ReadonlyMap<string, Beside>
): readonly (Sighting & { readonly home: string })[] {
  const keys = new Set(files.map((file) => file.key))
  return [...beside].flatMap(([home, sightings]) => {
    const last = lastRead(files.filter((file) => file.home === home))
    if (!last || last.sighting?.archive === false) return []
    const sinceMs = readMsOf(last)
    return [...sightings.values()]
      .filter(({ archive, key, path, mtimeMs }) => {
        return archive && latestMs(mtimeMs) >= sinceMs && !keys.has(key) && isRotationOf(path, home)
      })
      .map((sighting) => ({ ...sighting, home }))
  })
}

function lastRead(files: readonly TailFile[]): TailFile | undefined {
  return files
    .filter(({ position }) => position.offset > 0)
    .toSorted((a, b) => readMsOf(a) - readMsOf(b))
    .at(-1)
}

function readMsOf({ position }: TailFile): number {
  return position.readMs || position.madeMs
}

/** Tools keep the time of a file that they compress, some to the second or the microsecond only. */
function latestMs(mtimeMs: number): number {
  return mtimeMs + (mtimeMs % 1000 === 0 ? 1000 : 1)
}
