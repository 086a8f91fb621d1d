import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
  type YAMLMap
} from 'yaml'
import { type ConfigProblems, type KeyPath, pathText } from './problems.ts'

export interface TreeOptions {
  /** Path of the text; the base of relative `{ file: path }`. */
  readonly file: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Keys (dotted) where `{ file: path }` is kept for the program, with the path made absolute. */
  readonly keepFiles: readonly string[]
  /** What is wrong with reaching for a file (absolute path) or a variable; absent: nothing ever. */
  readonly limits?: {
    file(path: string): string | undefined
    variable(name: string): string | undefined
  }
}

/** A map of plain values; without a prototype, so that no key has a meaning of its own. */
export type Tree = Record<string, unknown>

/**
 * YAML as plain values, with `${ENV}` and `{ file: path }` resolved. Adds what is wrong, and where
 * every key stands, to `problems`.
 */
export function readTree(text: string, options: TreeOptions, problems: ConfigProblems): Tree {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const [error] = document.errors
  if (error) {
    // What follows the first mistake is its echo.
    const position = lines.linePos(error.pos[0])
    problems.add([], `${error.message}${hint(text, position.line)}`, { position })
    return {}
  }
  const root = document.contents
  if (root === null) return {}
  if (!isMap(root)) {
    problems.add([], 'must be a map of keys and values')
    return {}
  }
  return new TreeReader({ document, lines, options, problems }).map(root, [])
}

function hint(text: string, line: number): string {
  const reference = (text.split('\n')[line - 1] ?? '').includes('${')
  return reference ? '; between { } or [ ] write "${NAME}" in quotes' : ''
}

/** Aliases can make a small text unfold to anything. */
const maxNodes = 20_000
const maxDepth = 32

interface Reading {
  readonly document: Document
  readonly lines: LineCounter
  readonly options: TreeOptions
  readonly problems: ConfigProblems
}

class TreeReader {
  readonly #reading: Reading
  #nodes = 0

  constructor(reading: Reading) {
    this.#reading = reading
  }

  map(map: YAMLMap, path: KeyPath): Tree {
    const tree: Tree = Object.create(null)
    for (const { key, value } of map.items) {
      const name = isScalar(key) ? String(key.value) : String(key)
      const at = [...path, name]
      this.#note(key, at, 'key')
      tree[name] = this.#value(value, at)
    }
    return tree
  }

  #value(node: unknown, path: KeyPath): unknown {
    const { document, problems } = this.#reading
    this.#nodes += 1
    if (this.#nodes > maxNodes || path.length > maxDepth) {
      if (problems.count === 0) problems.add(path.slice(0, 1), 'is too large or contains itself')
      return undefined
    }
    if (isAlias(node)) return this.#value(node.resolve(document), path)
    this.#note(node, path, 'value')
    if (isSeq(node)) return node.items.map((item, i) => this.#value(item, [...path, i]))
    if (isMap(node)) return this.#read(this.map(node, path), path)
    if (isScalar(node)) return this.#scalar(node, path)
    return null
  }

  /** What stands in the file where the map is `{ file: path }` and nothing else; else the map. */
  #read(map: Tree, path: KeyPath): unknown {
    const { options, problems } = this.#reading
    const { file, ...others } = map
    if (typeof file !== 'string' || Object.keys(others).length > 0) return map
    const absolute = resolve(dirname(options.file), file)
    const problem = options.limits?.file(absolute)
    if (problem !== undefined) {
      problems.add([...path, 'file'], problem)
      return ''
    }
    if (options.keepFiles.includes(pathText(path))) return { file: absolute }
    try {
      return readFileSync(absolute, 'utf8').trim()
    } catch (error) {
      problems.add([...path, 'file'], `cannot be read: ${String(error)}`)
      return ''
    }
  }

  #scalar(scalar: Scalar, path: KeyPath): unknown {
    const { options, problems } = this.#reading
    if (typeof scalar.value !== 'string') return scalar.value
    // $${NAME} stands for the text ${NAME}.
    return scalar.value.replace(/\$(\$?)\{([^}]*)\}/g, (whole, escaped: string, name: string) => {
      if (escaped !== '') return whole.slice(1)
      const problem = options.limits?.variable(name)
      if (problem !== undefined) {
        problems.add(path, problem)
        return ''
      }
      const value = options.env[name]
      if (value === undefined) problems.add(path, `\${${name}} is not set in the environment`)
      return value ?? ''
    })
  }

  #note(node: unknown, path: KeyPath, part: 'key' | 'value'): void {
    const range = isNode(node) ? node.range : undefined
    if (range) this.#reading.problems.note(path, part, this.#reading.lines.linePos(range[0]))
  }
}

function isNode(value: unknown): value is Node {
  return isScalar(value) || isMap(value) || isSeq(value)
}
