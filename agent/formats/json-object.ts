import { type Fields, isFields } from './fields.ts'

/** Deeper data is not taken apart, so that nothing that walks it runs out of stack. */
const maxDepth = 100

/** Stands before the digits of a number that `JSON.parse` would round; no JSON text has it bare. */
const mark = '\u0000int:'

/**
 * The members of a JSON object; undefined when `text` is anything else, or nested deeper than 100.
 * Whole numbers that a double cannot hold are bigints.
 */
export function parseJsonObject(text: string): Fields | undefined {
  const hasLong = /\d{16}/.test(text)
  try {
    const value: unknown = hasLong
      ? JSON.parse(markLong(text), (_, one: unknown) => unmarked(one))
      : JSON.parse(text)
    return isFields(value) && !isDeeper(value, maxDepth) ? value : undefined
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
    return `${mark}${value}`
  })
  return hasLong ? text.replace(/"\\u0000int:(-?\d+)"/g, '$1') : text
}

function markLong(text: string): string {
  return text.replace(
    /"[^"\\]*(?:\\[^][^"\\]*)*"|-?\d{16,}(?![\d.eE])|-?\d+[.\deE+-]*/g,
    (token) => {
      if (!/^-?\d{16,}$/.test(token) || Number.isSafeInteger(Number(token))) return token
      return JSON.stringify(`${mark}${token}`)
    }
  )
}

function unmarked(value: unknown): unknown {
  if (typeof value !== 'string' || !value.startsWith(mark)) return value
  const digits = value.slice(mark.length)
  return /^-?\d+$/.test(digits) ? BigInt(digits) : value
}

function isDeeper(value: object, depth: number): boolean {
  if (depth === 0) return true
  for (const one of Object.values(value)) {
    if (typeof one === 'object' && one !== null && isDeeper(one, depth - 1)) return true
  }
  return false
}
