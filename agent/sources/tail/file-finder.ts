import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { excluder, Glob, isMissing } from './glob.ts'

/** A regular file that was seen at a path. */
export interface Sighting {
  readonly path: string
  /** Device and inode: the file itself, whatever its name. */
  readonly key: string
  readonly size: number
  readonly mtimeMs: number
  /** When it was made or, where the file system does not say, last changed. */
  readonly madeMs: number
  /** The path is one that is asked for; else the file was only found again beside it. */
  readonly matched: boolean
}

export interface FinderOptions {
  readonly patterns: readonly string[]
  readonly exclude: readonly string[]
  readonly maxFiles: number
  /** Called for what cannot be read, at every scan. */
  readonly unreadable: (path: string, error: unknown) => void
}

/** Looks for files: those that are asked for, and those that rotation moved aside. */
export class FileFinder {
  readonly #options: FinderOptions
  readonly #globs: readonly Glob[]
  readonly #excluded: (path: string) => boolean

  constructor(options: FinderOptions) {
    this.#options = options
    this.#globs = options.patterns.map((pattern) => new Glob(pattern))
    this.#excluded = excluder(options.exclude)
  }

  /** All files that are asked for, by key; of several names of one file the first counts. */
  async matched(): Promise<Map<string, Sighting>> {
    const { maxFiles, unreadable } = this.#options
    const found = new Map<string, Sighting>()
    for (const glob of this.#globs) {
      for (const path of await glob.expand(maxFiles, unreadable)) {
        if (this.#excluded(path)) continue
        const sighting = await this.#sight(path, true)
        if (sighting && !found.has(sighting.key)) found.set(sighting.key, sighting)
      }
    }
    return found
  }

  /** Files beside `homes` whose names begin alike, by key, as rotation leaves them. */
  async beside(homes: ReadonlySet<string>): Promise<Map<string, Sighting>> {
    const found = new Map<string, Sighting>()
    const stems = new Map<string, Set<string>>()
    for (const home of homes) {
      const inDirectory = stems.get(dirname(home))
      if (inDirectory) inDirectory.add(stemOf(home))
      else stems.set(dirname(home), new Set([stemOf(home)]))
    }
    for (const [directory, inDirectory] of stems) {
      for (const name of await this.#names(directory)) {
        const path = join(directory, name)
        const alike = [...inDirectory].some((stem) => name.startsWith(stem))
        if (!alike || this.#excluded(path)) continue
        const sighting = await this.#sight(path, false)
        if (sighting) found.set(sighting.key, sighting)
      }
    }
    return found
  }

  async #names(directory: string): Promise<string[]> {
    try {
      return await readdir(directory)
    } catch (error) {
      if (!isMissing(error)) this.#options.unreadable(directory, error)
      return []
    }
  }

  async #sight(path: string, matched: boolean): Promise<Sighting | undefined> {
    try {
      const found = await stat(path, { bigint: true })
      if (!found.isFile()) return undefined
      const mtimeMs = Number(found.mtimeNs) / 1e6
      return {
        path,
        key: keyOfStat(found),
        size: Number(found.size),
        mtimeMs,
        madeMs: Number(found.birthtimeNs) / 1e6 || mtimeMs,
        matched
      }
    } catch (error) {
      if (!isMissing(error)) this.#options.unreadable(path, error)
      return undefined
    }
  }
}

/** Inode numbers go beyond 2^53 on some file systems. */
export function keyOfStat(stat: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${stat.dev}-${stat.ino}`
}

/** `app` of `/var/log/app.log`: what the names of its rotated files begin with. */
function stemOf(path: string): string {
  return basename(path, extname(path))
}

/** Whether `path` is a name that rotation gives to `home`: `app.log.1`, `app.log-20250101`, `app-2.log`. */
export function isRotationOf(path: string, home: string): boolean {
  if (path === home || dirname(path) !== dirname(home)) return false
  const stem = stemOf(home)
  const name = basename(path)
  if (!name.startsWith(stem)) return false
  const extension = extname(home)
  let rest = name.slice(stem.length)
  if (rest.startsWith(extension)) rest = rest.slice(extension.length)
  else if (rest.endsWith(extension)) rest = rest.slice(0, rest.length - extension.length)
  else return false
  return /^[.\-_]?(\d[\d.\-_T]*|old|bak)$/.test(rest)
}
