import { z } from 'zod'
import type { PutOutcome } from '../../../engine.ts'
import type { EmbeddedEngine } from '../../embedded-engine.ts'
import { type Operation, operation, type WireObject } from '../operation.ts'
import { streamMembers } from '../shapes.ts'
import { definitionOf, streamOf } from '../stream-identity.ts'
import { WireError } from '../wire-error.ts'
import { dryRunMember, endDryRun } from './dry-run.ts'
import { encryptionType } from './encryption-type.ts'
import {
  hashOf,
  type RecordInput,
  recordMembers,
  requireRecordSizes,
  sizeOf
} from './record-input.ts'
import type { RecordPutter } from './record-putter.ts'

/** Of the data and keys of one call. */
const maxBytes = 10 * 1024 * 1024

const shape = z.object({
  Records: z.array(z.object(recordMembers)).min(1).max(500),
  ...streamMembers,
  ...dryRunMember
})

export function putRecords(engine: EmbeddedEngine, putter: RecordPutter): Operation {
  return operation(shape, async (input, call) => {
    const records: readonly RecordInput[] = input.Records
    const stream = streamOf(input)
    const { settings } = definitionOf(engine, stream)
    requireRecordSizes(records, putter.maxRecordBytes(stream), (at) => ['Records', at, 'Data'])
    requireCallSize(records)
    const hashes = records.map(hashOf)
    endDryRun(input)
    const outcomes = await putter.put({ stream, records, hashes }, call)
    return {
      FailedRecordCount: outcomes.filter(({ status }) => status !== 'stored').length,
      Records: outcomes.map(resultShape),
      EncryptionType: encryptionType(settings)
    }
  })
}

function requireCallSize(records: readonly RecordInput[]): void {
  let bytes = 0
  for (const record of records) bytes += sizeOf(record)
  if (bytes <= maxBytes) return
  throw new WireError('InvalidArgumentException', 'Records size exceeds 10 MB limit')
}

function resultShape(outcome: PutOutcome): WireObject {
  if (outcome.status === 'stored') {
    return { SequenceNumber: outcome.sequence, ShardId: outcome.shard }
  }
  return {
    ErrorCode:
      outcome.status === 'throttled' ? 'ProvisionedThroughputExceededException' : 'InternalFailure',
    ErrorMessage: outcome.message
  }
}
