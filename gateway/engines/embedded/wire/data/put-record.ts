import { z } from 'zod'
import { decodeSequence } from '../../../sequence-number.ts'
import type { EmbeddedEngine } from '../../embedded-engine.ts'
import { type Operation, operation } from '../operation.ts'
import { sequenceNumber, streamMembers } from '../shapes.ts'
import { definitionOf, streamOf } from '../stream-identity.ts'
import { accountId } from '../wire-context.ts'
import { WireError } from '../wire-error.ts'
import { dryRunMember, endDryRun } from './dry-run.ts'
import { encryptionType } from './encryption-type.ts'
import { hashOf, recordMembers, requireRecordSizes } from './record-input.ts'
import type { RecordPutter } from './record-putter.ts'

const shape = z.object({
  ...recordMembers,
  SequenceNumberForOrdering: sequenceNumber().optional(),
  ...streamMembers,
  ...dryRunMember
})

/**
 * Sequence numbers rise with every put of a stream, so that `SequenceNumberForOrdering` is kept
 * without looking at it; it only has to be a sequence number.
 */
export function putRecord(engine: EmbeddedEngine, putter: RecordPutter): Operation {
  return operation(shape, async (input, call) => {
    const stream = streamOf(input)
    const { settings } = definitionOf(engine, stream)
    requireRecordSizes([input], putter.maxRecordBytes(stream), () => ['Data'])
    const hashes = [hashOf(input)]
    requireOrdering(input.SequenceNumberForOrdering, stream)
    endDryRun(input)
    const [outcome] = await putter.put({ stream, records: [input], hashes }, call)
    if (outcome?.status === 'stored') {
      return {
        ShardId: outcome.shard,
        SequenceNumber: outcome.sequence,
        EncryptionType: encryptionType(settings)
      }
    }
    const type =
      outcome?.status === 'throttled' ? 'ProvisionedThroughputExceededException' : 'InternalFailure'
    throw new WireError(type, outcome?.message ?? 'the engine gave no outcome')
  })
}

function requireOrdering(sequence: string | undefined, stream: string): void {
  if (sequence === undefined || decodeSequence(sequence)) return
  throw new WireError(
    'InvalidArgumentException',
    `ExclusiveMinimumSequenceNumber ${sequence} used in PutRecord on stream ${stream} under account ${accountId} is invalid.`
  )
}
