import { z } from 'zod'
import { integer } from '../shapes.ts'

// The shapes that only operations of the control plane have.

const maxTags = 200

const tagKeyPattern = /^[^]{1,128}$/

export const tagKey = () => z.string().min(1).max(128)

/** Records of zod leave this name out without a word. */
const lostName = '__proto__'

export const tagMap = () =>
  z.preprocess((input, { issues }) => {
    if (typeof input !== 'object' || input === null || !Object.hasOwn(input, lostName)) return input
    issues.push({ code: 'custom', message: `Map keys must not be ${lostName}`, input })
    return z.NEVER
  }, tagRecord())

const tagRecord = () =>
  z.record(z.string(), z.string().max(256)).check(({ value, issues }) => {
    const bounds = { origin: 'map', inclusive: true, input: value } as const
    const keys = Object.keys(value)
    if (keys.length < 1) issues.push({ code: 'too_small', minimum: 1, ...bounds })
    if (keys.length > maxTags) issues.push({ code: 'too_big', maximum: maxTags, ...bounds })
    if (keys.every((key) => tagKeyPattern.test(key))) return
    issues.push({
      code: 'custom',
      message:
        'Map keys must satisfy constraint: [Member must have length less than or equal to 128, ' +
        'Member must have length greater than or equal to 1]',
      input: value
    })
  })

export const tagKeys = () => z.array(tagKey()).min(1).max(50)

/** Of a stream or one of its consumers. */
export const resourceArn = () =>
  z
    .string()
    .min(1)
    .max(2048)
    .regex(/^arn:aws.*:kinesis:.*:\d{12}:.*stream\/\S+$/)

export const consumerArn = () =>
  z
    .string()
    .min(1)
    .max(2048)
    .regex(
      /^(arn):aws.*:kinesis:.*:\d{12}:.*stream\/[a-zA-Z0-9_.-]+\/consumer\/[a-zA-Z0-9_.-]+:[0-9]+$/
    )

export const streamModeDetails = () =>
  z.object({ StreamMode: z.enum(['PROVISIONED', 'ON_DEMAND']) })

export const warmThroughputMiBps = () => integer(0, Number.MAX_SAFE_INTEGER)

export const shardTotal = () => integer(1, Number.MAX_SAFE_INTEGER)

export const maxRecordSizeInKiB = () => integer(1024, 10_240)

/** How many items a page has at most. */
export const pageLimit = () => integer(1, 10_000)

export const nextToken = () => z.string().min(1).max(1_048_576)
