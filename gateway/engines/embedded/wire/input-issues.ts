import type { z } from 'zod'
import { WireError } from './wire-error.ts'

type Issue = z.core.$ZodIssue

/** The service stops to look after so many. */
const maxIssues = 10
/** Longest value that an answer repeats. */
const maxValueChars = 4096

const typeNames: Readonly<Record<string, string>> = {
  string: 'an String',
  number: 'an Integer',
  int: 'an Integer',
  boolean: 'an Boolean',
  blob: 'a Blob',
  timestamp: 'milliseconds since epoch'
}

const compounds: Readonly<Record<string, string>> = {
  array: 'Expected list or null',
  record: 'Expected map or null',
  object: 'Expected null'
}

/** What is wrong with an input, in the words of the service. Types are looked at before bounds. */
export function describeIssues(issues: readonly Issue[]): WireError {
  for (const issue of issues) {
    const message = wrongType(issue)
    if (message) return new WireError('SerializationException', message)
  }
  const texts = issues.slice(0, maxIssues).map((issue) => {
    const value = issue.input === undefined ? 'null' : `'${valueText(issue.input)}'`
    return `Value ${value} at '${pathText(issue.path)}' failed to satisfy constraint: ${constraint(issue)}`
  })
  const many = texts.length === 1 ? '1 validation error' : `${texts.length} validation errors`
  return new WireError('ValidationException', `${many} detected: ${texts.join('; ')}`)
}

/** Undefined when the type is right. */
function wrongType(issue: Issue): string | undefined {
  const { code, input } = issue
  if (input === undefined) return undefined
  if (code === 'invalid_type') return conversion(issue.expected, input)
  if (code === 'invalid_value' && typeof input !== 'string') return conversion('string', input)
  if (code === 'invalid_format' && issue.format === 'base64') {
    return `'${valueText(input)}' can not be converted to a Blob: it is not base64`
  }
  return undefined
}

function conversion(expected: string, input: unknown): string {
  const compound = compounds[expected]
  if (Array.isArray(input)) return 'Start of list found where not expected'
  const isScalar = typeof input !== 'object' || input instanceof Date || Buffer.isBuffer(input)
  if (!isScalar) return 'Start of structure or map found where not expected.'
  if (compound) return compound
  const target = typeNames[expected] ?? expected
  // In the service's texts it is only booleans whose value is repeated.
  if (expected === 'boolean' && typeof input === 'string') {
    return `'${valueText(input.toUpperCase())}' can not be converted to ${target}`
  }
  return `class ${className(input)} can not be converted to ${target}`
}

function className(input: unknown): string {
  if (typeof input === 'boolean') return 'java.lang.Boolean'
  if (typeof input === 'number') return 'java.math.BigDecimal'
  if (typeof input === 'string') return 'java.lang.String'
  return input instanceof Date ? 'java.util.Date' : 'java.nio.HeapByteBuffer'
}

function constraint(issue: Issue): string {
  if (issue.input === undefined) return 'Member must not be null'
  switch (issue.code) {
    case 'too_small':
      return `Member must have ${measureOf(issue)} greater than or equal to ${issue.minimum}`
    case 'too_big':
      return `Member must have ${measureOf(issue)} less than or equal to ${issue.maximum}`
    case 'invalid_value':
      return `Member must satisfy enum value set: [${issue.values.map(String).join(', ')}]`
    case 'invalid_format':
      return `Member must satisfy regular expression pattern: ${patternText(issue.pattern ?? '')}`
    default:
      return issue.message
  }
}

function measureOf({ origin }: { readonly origin: string }): string {
  return origin === 'number' || origin === 'int' ? 'value' : 'length'
}

/** As the service model has it: without the slashes, anchors and outer group that JavaScript needs. */
function patternText(pattern: string): string {
  const bare = pattern.replaceAll(/^\/\^?|\$?\/[a-z]*$/g, '').replaceAll('\\/', '/')
  return /^\(\?:(.*)\)$/.exec(bare)?.[1] ?? bare
}

/** `records.1.member.partitionKey` */
function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part) => {
      if (typeof part === 'number') return `${part + 1}.member`
      const name = String(part)
      return name.charAt(0).toLowerCase() + name.slice(1)
    })
    .join('.')
}

function valueText(value: unknown): string {
  const text = wholeText(value)
  return text.length > maxValueChars ? `${text.slice(0, maxValueChars)}...` : text
}

function wholeText(value: unknown): string {
  if (Buffer.isBuffer(value)) {
    return `java.nio.HeapByteBuffer[pos=0 lim=${value.length} cap=${value.length}]`
  }
  if (Array.isArray(value)) return `[${value.map(wholeText).join(', ')}]`
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '{...}'
}
