import type { Beside } from './file-finder.ts'
import { isRotationOf, withoutSuffix } from './rotated-name.ts'
import type { Rotated } from './rotation.ts'
import type { TailFile } from './tail-file.ts'

/**
 * Archives that hold something unread, by `beside` of each home: where the file that was read last
 * of a home is gone or is an archive now, those that were last written when it was, or later. The
 * first may be that file; what was written later was never seen. Where it is still there as it was,
 * nothing that was compressed is unread. What is just being compressed is not an archive yet.
 */
export function archivesAfter(
  files: Iterable<TailFile>,
  beside: ReadonlyMap<string, Beside>
): readonly Rotated[] {
  const keys = new Set<string>()
  const lastRead = new Map<string, TailFile>()
  for (const file of files) {
    keys.add(file.key)
    const before = lastRead.get(file.home)
    const later = !before || readMsOf(file) >= readMsOf(before)
    if (file.position.offset > 0 && later) lastRead.set(file.home, file)
  }
  return [...beside].flatMap(([home, sightings]) => {
    const last = lastRead.get(home)
    if (!last || last.sighting?.archive === false) return []
    const sinceMs = readMsOf(last)
    const paths = new Set([...sightings.values()].map(({ path }) => path))
    return [...sightings.values()]
      .filter(({ archive, key, path, mtimeMs }) => {
        const isNew = archive && latestMs(mtimeMs) >= sinceMs && !keys.has(key)
        return isNew && isRotationOf(path, home) && !paths.has(withoutSuffix(path))
      })
      .map((sighting) => ({ ...sighting, home }))
  })
}

function readMsOf({ position }: TailFile): number {
  return position.readMs || position.madeMs
}

/** Tools keep the time of a file that they compress, some to the second or the microsecond only. */
function latestMs(mtimeMs: number): number {
  return mtimeMs + (mtimeMs % 1000 === 0 ? 1000 : 1)
}
