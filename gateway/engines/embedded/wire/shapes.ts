import { z } from 'zod'
import { recordLimits } from '../../../../shared/record.ts'
import { describeIssues } from './input-issues.ts'

/** No request of the service is nested deeper. */
const maxDepth = 5

// The shapes that members of requests have. The patterns and bounds are those of the service model.

/** Bytes: a buffer in CBOR, base64 in JSON. */
export const blob = (maxBytes = recordLimits.recordBytes) =>
  z.unknown().transform((input, { issues }): Buffer => {
    const bytes = typeof input === 'string' ? decodeBase64(input) : input
    if (!Buffer.isBuffer(bytes)) {
      issues.push(
        typeof input === 'string'
          ? { code: 'invalid_format', format: 'base64', input }
          : { code: 'invalid_type', expected: 'blob', input }
      )
      return z.NEVER
    }
    if (bytes.length > maxBytes) {
      issues.push({
        code: 'too_big',
        origin: 'blob',
        maximum: maxBytes,
        inclusive: true,
        input: bytes
      })
    }
    return bytes
  })

/** A point in time: a date in CBOR, seconds with a fraction in JSON. */
export const timestamp = () =>
  z.unknown().transform((input, { issues }): Date => {
    const date = typeof input === 'number' ? new Date(Math.round(input * 1000)) : input
    if (date instanceof Date && !Number.isNaN(date.getTime())) return date
    issues.push({ code: 'invalid_type', expected: 'timestamp', input })
    return z.NEVER
  })

/** The service cuts off what is behind the decimal point. */
export const integer = (min: number, max: number) =>
  z.number().transform(Math.floor).pipe(z.number().min(min).max(max))

/** Of a stream, a consumer or a shard. */
export const resourceName = () =>
  z
    .string()
    .min(1)
    .max(128)
    .regex(/^[a-zA-Z0-9_.-]+$/)

export const streamArn = () =>
  z
    .string()
    .min(1)
    .max(2048)
    .regex(/^arn:aws.*:kinesis:.*:\d{12}:stream\/\S+$/)

/** Characters are counted, not UTF-16 units. */
export const partitionKey = () =>
  z
    .string()
    .min(1)
    .check(({ value, issues }) => {
      const maximum = recordLimits.partitionKeyChars
      if (value.length <= maximum || [...value].length <= maximum) return
      issues.push({ code: 'too_big', origin: 'string', maximum, inclusive: true, input: value })
    })

export const hashKey = () => z.string().regex(/^(?:0|([1-9]\d{0,38}))$/)

export const sequenceNumber = () => z.string().regex(/^(?:0|([1-9]\d{0,128}))$/)

/** The stream that is meant; almost every operation takes it by its name or its ARN. */
export const streamMembers = {
  StreamName: resourceName().optional(),
  StreamARN: streamArn().optional()
}

/**
 * What a body holds; members that are null are as if absent. Throws `SerializationException` for a
 * member of the wrong type, and `ValidationException` for what is out of its bounds, in the
 * service's words.
 */
export function parseInput<Shape extends z.ZodType>(shape: Shape, input: unknown): z.output<Shape> {
  const parsed = shape.safeParse(input ?? {}, { reportInput: true })
  if (parsed.success) return parsed.data
  // Nulls are rare: they are looked for only when something is wrong.
  const again = shape.safeParse(withoutNulls(input ?? {}), { reportInput: true })
  if (again.success) return again.data
  throw describeIssues(again.error.issues)
}

/** Undefined for what is not base64. */
function decodeBase64(text: string): Buffer | undefined {
  // Buffer passes over what it does not know, so that the length tells.
  const bytes = Buffer.from(text, 'base64')
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  return bytes.length === (text.length / 4) * 3 - padding ? bytes : undefined
}

function withoutNulls(value: unknown, depth = maxDepth): unknown {
  if (depth === 0) return value
  if (Array.isArray(value)) return value.map((one) => withoutNulls(one, depth - 1))
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value
  if (value instanceof Date) return value
  const present = Object.entries(value).filter(([, one]) => one !== null)
  return Object.fromEntries(present.map(([name, one]) => [name, withoutNulls(one, depth - 1)]))
}
