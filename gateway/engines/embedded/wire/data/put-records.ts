import { z } from 'zod'
import type { EmbeddedEngine } from '../../embedded-engine.ts'
import { type Operation, operation } from '../operation.ts'
import { streamMembers } from '../shapes.ts'
import { definitionOf, streamOf } from '../stream-identity.ts'
import { WireError } from '../wire-error.ts'
import { dryRunMember, endDryRun } from './dry-run.ts'
import { maxRecords } from './plain-put/plain-body.ts'
import { plainPut } from './plain-put/plain-put.ts'
import { putAnswer } from './put-answer.ts'
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

export const putRecordsShape = z.object({
  Records: z.array(z.object(recordMembers)).min(1).max(maxRecords),
  ...streamMembers,
  ...dryRunMember
})

export function putRecords(engine: EmbeddedEngine, putter: RecordPutter): Operation {
  const ordinary = operation(putRecordsShape, async (input, call) => {
    const records: readonly RecordInput[] = input.Records
    const stream = streamOf(input)
    const { settings } = definitionOf(engine, stream)
    requireRecordSizes(records, putter.maxRecordBytes(stream), (at) => ['Records', at, 'Data'])
    requireCallSize(records)
    const hashes = records.map(hashOf)
    endDryRun(input)
    const outcomes = await putter.put({ stream, records, hashes }, call)
    return putAnswer(outcomes, settings)
  })
  // Throughput limits are of single records.
  return putter.limited ? ordinary : { ...ordinary, answerPlain: plainPut(engine, putter) }
}

function requireCallSize(records: readonly RecordInput[]): void {
  let bytes = 0
  for (const record of records) bytes += sizeOf(record)
  if (bytes <= maxBytes) return
  throw new WireError('InvalidArgumentException', 'Records size exceeds 10 MB limit')
}
