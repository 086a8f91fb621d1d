import { readFileSync } from 'node:fs'
import type { z } from 'zod'
import { HeadwaterError } from '../errors.ts'
import { type OverlaidKeys, type Overlay, readOverlay } from './overlay.ts'
import { ConfigProblems, type KeyPath } from './problems.ts'
import { validate } from './validate.ts'
import { readTree, type Tree } from './yaml-tree.ts'

/** A value given on the command line; it takes the place of what the file says. */
export interface FlagValue {
  readonly path: KeyPath
  readonly value: unknown
  /** As it is written, for messages: `--to`. */
  readonly flag: string
}

export interface LoadOptions {
  /** Path of the YAML file; none: flags and defaults only. */
  readonly file?: string | undefined
  readonly flags?: readonly FlagValue[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** Keys (dotted) where the program itself reads what `{ file: path }` names. */
  readonly keepFiles?: readonly string[]
  /** Keys that take the place of those of file and flags. */
  readonly overlay?: Overlay | undefined
}

/** What a program is told, not checked yet. */
export interface WrittenConfig {
  readonly tree: Tree
  readonly problems: ConfigProblems
  readonly overlaid?: OverlaidKeys
}

/**
 * The configuration of a program: file, then flags over it, checked by `schema`, which also has the
 * defaults. Throws `config` with one line for each problem: file, line, column, key, what is allowed.
 */
export function loadConfig<T>(schema: z.ZodType<T>, options: LoadOptions): T {
  return checkConfig(schema, readConfig(options))
}

/** The first half of `loadConfig`, for a schema that depends on what is written. */
export function readConfig(options: LoadOptions): WrittenConfig {
  const { file, env, flags = [], keepFiles = [], overlay } = options
  const problems = new ConfigProblems(file ?? 'the command line')
  const tree = file ? readTree(readText(file), { file, env, keepFiles }, problems) : {}
  problems.throwIfAny()
  for (const one of flags) {
    put(tree, one.path, one.value)
    problems.noteFlag(one.path, one.flag)
  }
  if (!overlay) return { tree, problems }
  const overlaid = readOverlay(overlay, { env, keepFiles })
  return { tree: Object.assign(tree, overlaid.tree), problems, overlaid }
}

/** The second half. */
export function checkConfig<T>(schema: z.ZodType<T>, written: WrittenConfig): T {
  const { tree, problems, overlaid } = written
  const result = validate(schema, tree)
  if (result.ok) return result.value
  for (const { path, at, message } of result.problems) {
    const isOverlaid = overlaid !== undefined && Object.hasOwn(overlaid.tree, path[0] ?? '')
    const origin = isOverlaid ? overlaid.problems : problems
    origin.add(path, message, { at })
  }
  overlaid?.problems.throwIfAny()
  problems.throwIfAny()
  throw new HeadwaterError('internal', 'the configuration was refused without a reason')
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new HeadwaterError('config', `${file}: cannot be read: ${String(cause)}`, { cause })
  }
}

function put(tree: Tree, path: KeyPath, value: unknown): void {
  const [key, ...rest] = path
  if (key === undefined) return
  if (rest.length === 0) {
    tree[key] = value
    return
  }
  const inner = tree[key]
  const map: Tree = isTree(inner) ? inner : {}
  tree[key] = map
  put(map, rest, value)
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
