import { createHash } from 'node:crypto'
import { type Fields, isFields } from './fields.ts'

/** Deeper data is not taken apart, so that nothing that walks it runs out of stack. */
const maxDepth = 100

/**
 * The members of a JSON object; undefined when `text` is anything else, or nested deeper than 100.
 * Whole numbers that a double cannot hold are bigints.
 */
export function parseJsonObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (!isFields(value) || isDeeper(value, maxDepth)) return undefined
    return /\d{16}/.test(text) ? withLong(text) : value
  } catch {
    return undefined
  }
}

/** JSON text, the bigints as plain numbers. */
export function printJson(fields: Fields): string {
  let hasLong = false
  const text = JSON.stringify(fields, (_, value: unknown) => {
    if (typeof value !== 'bigint') return value
    hasLong = true
    return 0
  })
  if (!hasLong) return text
  const mark = markFor(text)
  const marked = JSON.stringify(fields, (_, value: unknown) =>
    typeof value === 'bigint' ? `${mark}${value}` : value
  )
  return marked.replace(new RegExp(`"${mark}(-?\\d+)"`, 'g'), '$1')
}

/** Stands before the digits of a number that `JSON.parse` would round. No text holds its own hash. */
function markFor(text: string): string {
  return `${createHash('sha256').update(text).digest('hex')}:`
}

/** `text` is JSON: in anything else the quotes that stay open would be sought again and again. */
function withLong(text: string): Fields | undefined {
  const mark = markFor(text)
  const value: unknown = JSON.parse(markLong(text, mark), (_, one: unknown) =>
    typeof one === 'string' && one.startsWith(mark) ? BigInt(one.slice(mark.length)) : one
  )
  return isFields(value) ? value : undefined
}

function markLong(text: string, mark: string): string {
  return text.replace(
    /"[^"\\]*(?:\\[^][^"\\]*)*"|-?\d{16,}(?![\d.eE])|-?\d+[.\deE+-]*/g,
    (token) => {
      if (!/^-?\d{16,}$/.test(token) || Number.isSafeInteger(Number(token))) return token
      return `"${mark}${token}"`
    }
  )
}

function isDeeper(value: object, depth: number): boolean {
  if (depth === 0) return true
  for (const one of Object.values(value)) {
    if (typeof one === 'object' && one !== null && isDeeper(one, depth - 1)) return true
  }
  return false
}
