import { HeadwaterError } from '../../../shared/errors.ts'

/** No app goes deeper, and what is very deep could be read but not written again. */
const maxDepth = 32

/** The JSON object that `text` is. Throws `invalid`. */
export function parseMessage(text: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new HeadwaterError('invalid', `body is not valid JSON: ${String(cause)}`, { cause })
  }
  if (!isMap(value)) throw new HeadwaterError('invalid', 'body must be a JSON object')
  if (isDeeper(value, maxDepth)) {
    throw new HeadwaterError('invalid', `body has objects more than ${maxDepth} deep`)
  }
  return value
}

/** `value`, or an empty map for anything else. */
export function mapOf(value: unknown): Readonly<Record<string, unknown>> {
  return isMap(value) ? value : {}
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isDeeper(value: object, depth: number): boolean {
  if (depth === 0) return true
  return Object.values(value).some(
    (one) => typeof one === 'object' && one !== null && isDeeper(one, depth - 1)
  )
}
