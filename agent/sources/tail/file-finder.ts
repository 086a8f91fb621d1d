import { readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { archiveSuffix } from './archive.ts'
import { excluder, Glob, isMissing } from './glob.ts'
import { isWithin, stemOf, withoutSuffix } from './rotated-name.ts'

/** A regular file that was seen at a path. */
export interface Sighting {
  readonly path: string
  /** Device and inode: the file itself, whatever its name; and that it is meant as an archive. */
  readonly key: string
  readonly size: number
  readonly mtimeMs: number
  /** When it was made or, where the file system does not say, last changed. */
  readonly madeMs: number
  /** When it was made; 0 where the file system does not say. */
  readonly bornMs: number
  /** The path is one that is asked for; else the file was only found beside one that is. */
  readonly matched: boolean
  /** It is the content that was compressed which is meant; `madeMs` is when that was last changed. */
  readonly archive: boolean
}

/** Files that were seen beside a home, by key. */
export type Beside = ReadonlyMap<string, Sighting>

/** A directory that changes each time while it is listed is given up on until the next scan. */
const maxTries = 3

export interface FinderOptions {
  readonly patterns: readonly string[]
  readonly exclude: readonly string[]
  /** Whether rotated files are also found compressed, where `exclude` leaves out compressed files. */
  readonly archives: boolean
  readonly maxFiles: number
  /** Called for what cannot be read, at every scan. */
  readonly unreadable: (path: string, error: unknown) => void
}

type Role = 'matched' | 'beside' | 'archive'

/** Looks for files: those that are asked for, and those that rotation moved aside. */
export class FileFinder {
  readonly #options: FinderOptions
  readonly #globs: readonly Glob[]
  readonly #excluded: (path: string) => boolean
  /** Directories that a pattern names. */
  readonly #directories: readonly string[]

  constructor(options: FinderOptions) {
    this.#options = options
    this.#globs = options.patterns.map((pattern) => new Glob(pattern))
    this.#excluded = excluder(options.exclude)
    this.#directories = this.#globs.flatMap(({ directories }) => directories)
  }

  /** All files that are asked for, by key; of several names of one file the first counts. */
  async matched(): Promise<Map<string, Sighting>> {
    const { maxFiles, unreadable } = this.#options
    const found = new Map<string, Sighting>()
    for (const glob of this.#globs) {
      for (const path of await glob.expand(maxFiles, unreadable)) {
        if (this.#excluded(path)) continue
        const sighting = await this.#sight(path, 'matched')
        if (typeof sighting === 'object' && !found.has(sighting.key))
          found.set(sighting.key, sighting)
      }
    }
    return found
  }

  /**
   * For each of `homes`, by key, the files beside it whose names begin alike, as rotation leaves
   * them, and those in directories below that a pattern names. A directory that changes meanwhile is
   * listed again, or a file could be missed whose name moved on.
   */
  async beside(homes: ReadonlySet<string>): Promise<Map<string, Beside>> {
    const byDirectory = new Map<string, Map<string, Map<string, Sighting>>>()
    const parts = new Map<string, Map<string, Sighting>[]>()
    for (const home of homes) {
      const directories = this.#directoriesOf(home).map((directory) => {
        const byStem = entry(byDirectory, directory, () => new Map())
        return entry(byStem, stemOf(home), () => new Map())
      })
      parts.set(home, directories)
    }
    for (const [directory, byStem] of byDirectory) {
      for (let tries = 1; !(await this.#sightAll(directory, byStem)) && tries < maxTries; tries++) {
        for (const sightings of byStem.values()) sightings.clear()
      }
    }
    return new Map([...parts].map(([home, directories]) => [home, merged(directories)]))
  }

  /** Where rotation may have moved this file: its own directory first, since what moves leaves it. */
  #directoriesOf(home: string): string[] {
    const own = dirname(home)
    const below = this.#directories.filter((directory) => isWithin(directory, own))
    return [...new Set([own, ...below])]
  }

  /** Resolves with false when the directory was changed meanwhile. */
  async #sightAll(
    directory: string,
    byStem: ReadonlyMap<string, Map<string, Sighting>>
  ): Promise<boolean> {
    const before = await changeOf(directory)
    let gone = false
    for (const name of await this.#names(directory)) {
      const path = join(directory, name)
      const alike = sightingsOf(name, byStem)
      const as = alike.length > 0 && this.#roleOf(path)
      if (!as) continue
      const sighting = await this.#sight(path, as)
      gone ||= sighting === 'gone'
      if (typeof sighting !== 'object') continue
      for (const sightings of alike) sightings.set(sighting.key, sighting)
    }
    return !gone && before === (await changeOf(directory))
  }

  /** Undefined for what is left out. */
  #roleOf(path: string): Role | undefined {
    if (!this.#excluded(path)) {
      return this.#globs.some((glob) => glob.matches(path)) ? 'matched' : 'beside'
    }
    const archive = this.#options.archives && path.endsWith(archiveSuffix)
    return archive && !this.#excluded(withoutSuffix(path)) ? 'archive' : undefined
  }

  async #names(directory: string): Promise<string[]> {
    try {
      return await readdir(directory)
    } catch (error) {
      if (!isMissing(error)) this.#options.unreadable(directory, error)
      return []
    }
  }

  /** `gone` when nothing is there any more, undefined for what is no file or cannot be read. */
  async #sight(path: string, as: Role): Promise<Sighting | 'gone' | undefined> {
    try {
      const found = await stat(path, { bigint: true })
      if (!found.isFile()) return undefined
      const mtimeMs = Number(found.mtimeNs) / 1e6
      const bornMs = Number(found.birthtimeNs) / 1e6
      return {
        path,
        key: as === 'archive' ? archiveKey(keyOfStat(found)) : keyOfStat(found),
        size: Number(found.size),
        mtimeMs,
        // Compressing makes a new file, and leaves it the time of the old one.
        madeMs: (as !== 'archive' && bornMs) || mtimeMs,
        bornMs,
        matched: as === 'matched',
        archive: as === 'archive'
      }
    } catch (error) {
      if (isMissing(error)) return 'gone'
      this.#options.unreadable(path, error)
      return undefined
    }
  }
}

/** Inode numbers go beyond 2^53 on some file systems. */
export function keyOfStat(stat: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${stat.dev}-${stat.ino}`
}

export function archiveKey(key: string): string {
  return `${key}${archiveSuffix}`
}

function merged(parts: readonly Beside[]): Beside {
  return new Map(parts.flatMap((part) => [...part]))
}

/** Those of all stems that `name` begins with. */
function sightingsOf(
  name: string,
  byStem: ReadonlyMap<string, Map<string, Sighting>>
): Map<string, Sighting>[] {
  const found: Map<string, Sighting>[] = []
  for (let length = 1; length <= name.length; length++) {
    const sightings = byStem.get(name.slice(0, length))
    if (sightings) found.push(sightings)
  }
  return found
}

/** Changes whenever a name comes or goes. */
async function changeOf(directory: string): Promise<bigint | undefined> {
  try {
    return (await stat(directory, { bigint: true })).mtimeNs
  } catch {
    return undefined
  }
}

function entry<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const value = map.get(key) ?? make()
  map.set(key, value)
  return value
}
