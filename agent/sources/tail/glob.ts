import type { Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'

/** Deepest that `**` goes, so that a loop of bind mounts ends. */
const maxDepth = 32

/** One name of a path: itself, a pattern for it, or `**`: any number of directories. */
type Segment = string | RegExp | typeof anyDirectories
const anyDirectories = Symbol('**')

/**
 * A pattern with `*` and `?` (within one name, not a leading dot), `[…]`, `{a,b}` and `**` (any
 * number of directories), relative to the working directory unless it begins with a slash.
 */
export class Glob {
  readonly #alternatives: readonly (readonly Segment[])[]

  constructor(pattern: string) {
    this.#alternatives = expandBraces(pattern).map((one) => {
      const names = resolve(one).split('/').slice(1)
      return (names.at(-1) === '**' ? [...names, '*'] : names).map(segmentOf)
    })
  }

  /** The directories that the pattern names as they are, and asks for files in. */
  get directories(): string[] {
    return this.#alternatives
      .map((segments) => segments.slice(0, -1))
      .filter((names) => names.every((name) => typeof name === 'string'))
      .map((names) => `/${names.join('/')}`)
  }

  /** Whether `path`, absolute, is matched. */
  matches(path: string): boolean {
    const names = path.split('/').slice(1)
    return this.#alternatives.some((segments) => matchNames(segments, names))
  }

  /** Paths that are matched now; at most `limit`. What cannot be read goes to `unreadable`. */
  async expand(
    limit: number,
    unreadable: (path: string, error: unknown) => void
  ): Promise<string[]> {
    const found: string[] = []
    const walk = async (directory: string, segments: readonly Segment[], depth: number) => {
      const [segment, ...rest] = segments
      if (segment === undefined || found.length >= limit || depth > maxDepth) return
      if (typeof segment === 'string') {
        // A plain name may turn out not to exist; whoever opens it finds out.
        if (rest.length === 0) found.push(join(directory, segment))
        else await walk(join(directory, segment), rest, depth)
        return
      }
      if (segment === anyDirectories) await walk(directory, rest, depth)
      for (const entry of await list(directory, unreadable)) {
        if (found.length >= limit) return
        const path = join(directory, entry.name)
        if (segment === anyDirectories) {
          // Links to directories are not followed: they may form a circle.
          if (entry.isDirectory() && !entry.name.startsWith('.'))
            await walk(path, segments, depth + 1)
        } else if (segment.test(entry.name)) {
          if (rest.length === 0) found.push(path)
          else if (entry.isDirectory() || entry.isSymbolicLink()) await walk(path, rest, depth + 1)
        }
      }
    }
    for (const segments of this.#alternatives) await walk('/', segments, 0)
    return [...new Set(found)]
  }
}

/** Tells the paths to leave out; a pattern without a slash is matched against the name alone. */
export function excluder(patterns: readonly string[]): (path: string) => boolean {
  const globs = patterns.filter((one) => one.includes('/')).map((one) => new Glob(one))
  const names = patterns
    .filter((one) => !one.includes('/'))
    .flatMap((one) => expandBraces(one).map(nameRegExp))
  return (path) =>
    globs.some((glob) => glob.matches(path)) || names.some((name) => name.test(basename(path)))
}

async function list(
  directory: string,
  unreadable: (path: string, error: unknown) => void
): Promise<Dirent[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true })
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch (error) {
    if (!isMissing(error)) unreadable(directory, error)
    return []
  }
}

/** Whether a path does not exist, or not as what it was taken for. */
export function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ENOENT' || code === 'ENOTDIR'
}

function matchNames(segments: readonly Segment[], names: readonly string[]): boolean {
  const [segment, ...rest] = segments
  const [name, ...others] = names
  if (segment === undefined) return name === undefined
  if (segment === anyDirectories) {
    return matchNames(rest, names) || (names.length > 0 && matchNames(segments, names.slice(1)))
  }
  if (name === undefined) return false
  const same = typeof segment === 'string' ? segment === name : segment.test(name)
  return same && matchNames(rest, others)
}

function segmentOf(text: string): Segment {
  if (text === '**') return anyDirectories
  return /[*?[]/.test(text) ? nameRegExp(text) : text
}

function expandBraces(pattern: string): string[] {
  const match = /^(.*?)\{([^{}]*)\}(.*)$/s.exec(pattern)
  if (!match) return [pattern]
  const [, before = '', inside = '', after = ''] = match
  return inside.split(',').flatMap((part) => expandBraces(`${before}${part}${after}`))
}

/** One name of a pattern. */
function nameRegExp(segment: string): RegExp {
  const source = segment.replace(/\*+|\?|\[[!^]?\]?[^\]]*\]|[^*?[]+|\[/g, (part) => {
    if (part.startsWith('*')) return '[^/]*'
    if (part === '?') return '[^/]'
    if (part.length > 2 && part.startsWith('[')) {
      return part.replaceAll('\\', '\\\\').replace(/^\[[!^]/, '[^')
    }
    return part.replace(/[.+^${}()|[\]\\]/g, '\\$&')
  })
  const dot = /^[*?[]/.test(segment) ? '(?!\\.)' : ''
  return new RegExp(`^${dot}${source}$`, 's')
}
