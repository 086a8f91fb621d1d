import type { TailFile } from './tail-file.ts'

/**
 * Files that are done with and may be forgotten, the oldest first. The newest beside a file that is
 * followed stays, since what was made before it is known by that to have been read.
 */
export function spentFiles(files: readonly TailFile[]): TailFile[] {
  const spent = files.filter((file) => file.isSpent).sort(inOrderMade)
  const followed = new Set(files.filter((file) => !file.isSpent).map((file) => file.home))
  const newest = new Map(spent.map((file) => [file.home, file]))
  return spent.filter((file) => !followed.has(file.home) || newest.get(file.home) !== file)
}

export function inOrderMade(a: TailFile, b: TailFile): number {
  return a.position.madeMs - b.position.madeMs || a.rank - b.rank
}
