import type { z } from 'zod'
import { nearest } from './nearest.ts'
import type { KeyPath } from './problems.ts'

export interface Problem {
  readonly path: KeyPath
  readonly at: 'key' | 'value'
  readonly message: string
}

export type Validated<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** Parses `input`; every problem says what is allowed, an unknown key also which one is near. */
export function validate<T>(schema: z.ZodType<T>, input: unknown): Validated<T> {
  // The keys a map may have are known only while its issue is worded.
  const allowed = new Map<string, readonly string[]>()
  const result = schema.safeParse(input, {
    error: (issue) => {
      if (issue.code === 'unrecognized_keys') {
        allowed.set(JSON.stringify(issue.path ?? []), keysOf(issue.inst))
      }
      return wording(issue)
    }
  })
  if (result.success) return { ok: true, value: result.data }
  return { ok: false, problems: result.error.issues.flatMap((issue) => flatten(issue, allowed)) }
}

type Issue = z.core.$ZodIssue
type RawIssue = z.core.$ZodRawIssue

function flatten(issue: Issue, allowed: ReadonlyMap<string, readonly string[]>): Problem[] {
  const path = issue.path.map((key) => (typeof key === 'number' ? key : String(key)))
  if (issue.code === 'unrecognized_keys') {
    const known = allowed.get(JSON.stringify(issue.path)) ?? []
    return issue.keys.map((key) => ({
      path: [...path, key],
      at: 'key',
      message: unknownKey(key, known)
    }))
  }
  if (issue.code === 'invalid_union') {
    const meant = issue.errors.filter((errors) => errors.some(isInside))
    // Of two maps the one that knows the keys.
    const branch = meant.find((errors) => !errors.some(isForeign)) ?? meant[0]
    if (branch) {
      return branch
        .flatMap((error) => flatten(error, allowed))
        .map((problem) => ({ ...problem, path: [...path, ...problem.path] }))
    }
  }
  if (issue.code === 'invalid_key') {
    return [{ path, at: 'key', message: issue.issues[0]?.message ?? issue.message }]
  }
  // A codec that validates an inner map says itself where its problems are.
  const at = issue.code === 'custom' && issue.params?.['at'] === 'key' ? 'key' : 'value'
  return [{ path, at, message: issue.message }]
}

/** The value has the form of this branch, so this is the branch that was meant. */
function isInside(issue: Issue): boolean {
  return issue.path.length > 0 || issue.code === 'custom' || issue.code === 'unrecognized_keys'
}

/** The map itself has a key that this branch does not know. */
function isForeign(issue: Issue): boolean {
  return issue.path.length === 0 && issue.code === 'unrecognized_keys'
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known)
  return near === undefined
    ? `unknown key; here may stand: ${known.join(', ')}`
    : `unknown key; did you mean "${near}"?`
}

function keysOf(schema: unknown): string[] {
  const shape = (schema as { _zod?: { def?: { shape?: object } } })?._zod?.def?.shape
  return Object.keys(shape ?? {})
}

function wording(issue: RawIssue): string | undefined {
  if (issue.input === undefined && issue.code !== 'custom') return 'is missing'
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${typeName(issue.expected)}`
    case 'invalid_value':
      return `must be ${issue.values.map((value) => String(value)).join(' or ')}`
    case 'too_small':
      return `must be at least ${issue.minimum}`
    case 'too_big':
      return `must be at most ${issue.maximum}`
    case 'invalid_union':
      return `must be ${[...new Set(expectedOf(issue.errors))].join(' or ')}`
    default:
      return undefined
  }
}

function expectedOf(branches: readonly (readonly Issue[])[]): string[] {
  return branches.flatMap((issues) => {
    const first = issues[0]
    if (first?.code === 'invalid_type') return [typeName(first.expected)]
    return first ? [first.message.replace(/^must be /, '')] : []
  })
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'text (in quotes where it looks like a number)',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map'
}

function typeName(expected: string): string {
  return typeNames[expected] ?? expected
}
