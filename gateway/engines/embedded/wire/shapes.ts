import { z } from 'zod'
import { WireError } from './wire-error.ts'

// The shapes that members of requests have. The patterns and bounds are those of the service model.

/** Bytes: a buffer in CBOR, base64 in JSON. */
export const blob = () =>
  z.union([
    z.instanceof(Buffer),
    z.base64().transform((text): Buffer => Buffer.from(text, 'base64'))
  ])

/** A point in time: a date in CBOR, seconds with a fraction in JSON. */
export const timestamp = () =>
  z.union([z.date(), z.number().transform((seconds) => new Date(Math.round(seconds * 1000)))])

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

/** The stream that is meant; almost every operation takes it by its name or its ARN. */
export const streamMembers = {
  StreamName: resourceName().optional(),
  StreamARN: streamArn().optional()
}

/**
 * What a body holds. Throws `SerializationException` for a member of the wrong type, and
 * `ValidationException` for what is out of its bounds, in the service's words.
 */
export function parseInput<Shape extends z.ZodType>(shape: Shape, input: unknown): z.output<Shape> {
  const parsed = shape.safeParse(input, { reportInput: true })
  if (parsed.success) return parsed.data
  throw new WireError('ValidationException', parsed.error.message)
}
