import type { z } from 'zod'
import { hashKeyOf, hashSpace } from '../../../hash-key.ts'
import { describeIssues } from '../input-issues.ts'
import { blob, hashKey, partitionKey } from '../shapes.ts'
import { WireError } from '../wire-error.ts'

/**
 * What one record to put has, also when it comes alone. The key may be left out only where the
 * service chooses the shard (AUTO distribution), which no stream here has.
 */
export const recordMembers = {
  Data: blob(),
  PartitionKey: partitionKey(),
  ExplicitHashKey: hashKey().optional()
}

/** A record that is to be put, in the words of the API. */
export interface RecordInput {
  readonly Data: Buffer
  readonly PartitionKey: string
  readonly ExplicitHashKey?: string | undefined
}

/** Throws `ValidationException` naming the records that are over the limit; `maxBytes` is with the key. */
export function requireRecordSizes(
  records: readonly RecordInput[],
  maxBytes: number,
  pathOf: (at: number) => PropertyKey[]
): void {
  const issues: z.core.$ZodIssue[] = []
  records.forEach((record, at) => {
    const { length } = record.Data
    if (sizeOf(record) <= maxBytes) return
    const room = maxBytes - Buffer.byteLength(record.PartitionKey)
    const maximum = length > maxBytes ? maxBytes : room
    issues.push({
      code: 'too_big',
      origin: 'blob',
      maximum,
      input: record.Data,
      path: pathOf(at),
      message: ''
    })
  })
  if (issues.length > 0) throw describeIssues(issues)
}

/** Bytes that count: data and key. */
export function sizeOf({ Data, PartitionKey }: RecordInput): number {
  return Data.length + Buffer.byteLength(PartitionKey)
}

/** Where a record belongs. Throws `InvalidArgumentException` for an explicit key of 2^128 or above. */
export function hashOf({ PartitionKey, ExplicitHashKey }: RecordInput): bigint {
  if (ExplicitHashKey === undefined) return hashKeyOf(PartitionKey)
  const hash = BigInt(ExplicitHashKey)
  if (hash < hashSpace) return hash
  throw new WireError(
    'InvalidArgumentException',
    `Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was ${ExplicitHashKey}`
  )
}
