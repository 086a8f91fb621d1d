import { HeadwaterError } from '../errors.ts'

export type KeyPath = readonly (string | number)[]

/** Where something stands in the file; both count from 1. */
export interface Position {
  readonly line: number
  readonly col: number
}

/** Where each key of one configuration comes from, and what is wrong with it. */
export class ConfigProblems {
  readonly #file: string
  readonly #keys = new Map<string, Position>()
  readonly #values = new Map<string, Position>()
  readonly #flags = new Map<string, string>()
  readonly #problems: { readonly position: Position | undefined; readonly text: string }[] = []

  /** `file` is named in every message; `the command line` where there is none. */
  constructor(file: string) {
    this.#file = file
  }

  get count(): number {
    return this.#problems.length
  }

  /** Remembers where a key and its value stand. */
  note(path: KeyPath, part: 'key' | 'value', position: Position): void {
    const map = part === 'key' ? this.#keys : this.#values
    map.set(pathText(path), position)
  }

  /** Remembers that the value at `path` comes from a flag. */
  noteFlag(path: KeyPath, flag: string): void {
    this.#flags.set(pathText(path), flag)
  }

  /** Adds a problem at a key; it is shown with the nearest position that is known. */
  add(path: KeyPath, message: string, options: { at?: 'key' | 'value'; position?: Position } = {}) {
    const flag = this.#nearest(this.#flags, path)
    const key = pathText(path)
    if (flag !== undefined) {
      this.#problems.push({ position: undefined, text: `${flag}: ${message}` })
      return
    }
    const first = options.at === 'key' ? this.#keys : this.#values
    const position =
      options.position ?? first.get(key) ?? this.#keys.get(key) ?? this.#nearest(this.#keys, path)
    const place = position ? `:${position.line}:${position.col}` : ''
    const text = `${this.#file}${place}: ${key === '' ? '' : `${key}: `}${message}`
    this.#problems.push({ position, text })
  }

  /** All problems as one `config` error, in the order of the file, each on a line of its own. */
  throwIfAny(): void {
    if (this.#problems.length === 0) return
    const inOrder = this.#problems.toSorted(
      (a, b) =>
        (a.position?.line ?? 0) - (b.position?.line ?? 0) ||
        (a.position?.col ?? 0) - (b.position?.col ?? 0)
    )
    throw new HeadwaterError('config', inOrder.map((problem) => problem.text).join('\n'))
  }

  #nearest<T>(map: ReadonlyMap<string, T>, path: KeyPath): T | undefined {
    for (let length = path.length; length > 0; length--) {
      const found = map.get(pathText(path.slice(0, length)))
      if (found !== undefined) return found
    }
    return undefined
  }
}

/** `sources.app.tail[0]` */
export function pathText(path: KeyPath): string {
  return path
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : i === 0 ? key : `.${key}`))
    .join('')
}
