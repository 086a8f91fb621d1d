import type { EmbeddedEngine } from '../../../embedded-engine.ts'
import type { StreamDefinition } from '../../../stream-definition.ts'
import type { Operation } from '../../operation.ts'
import { jsonFormat } from '../../protocol/json-format.ts'
import { definitionOf, type StreamMembers, streamOf } from '../../stream-identity.ts'
import { encryptionType } from '../encryption-type.ts'
import { putAnswer } from '../put-answer.ts'
import { type RecordPutter, requireAsked } from '../record-putter.ts'
import { KeyTable } from './key-table.ts'
import { readPlainBody } from './plain-body.ts'
import { type PlacedRecords, settle } from './refused-runs.ts'
import { shardRuns } from './shard-runs.ts'
import { isStored, storedAnswer } from './stored-answer.ts'

/** What a body holds is smaller, so that the records of a call are within their limit too. Bytes. */
const maxBodyBytes = 10 * 1024 * 1024

/**
 * PutRecords from the bytes of a JSON body to those of its answer, without an object for a record.
 * It takes what is plain and good; it never says what is wrong with a call.
 */
export function plainPut(
  engine: EmbeddedEngine,
  putter: RecordPutter
): NonNullable<Operation['answerPlain']> {
  const table = new KeyTable()
  return (body, call) => {
    if (body.length > maxBodyBytes) return undefined
    const plain = readPlainBody(body, table)
    const definition = plain && namedStream(engine, plain.names)
    if (!definition) return undefined
    const { name: stream, shards, settings } = definition
    const placed = shardRuns(body, plain, shards)
    const maxRecordBytes = putter.maxRecordBytes(stream)
    if (!placed?.runs.every((run) => run.largestBytes <= maxRecordBytes)) return undefined
    return put({ stream, hashes: plain.hashes, ...placed })

    async function put(records: PlacedRecords): Promise<Buffer> {
      requireAsked(call)
      let answer: Buffer | undefined
      const outcomes = await engine.putRuns(stream, records.runs, (expected) => {
        if (!expected.every(isStored)) return
        answer = storedAnswer(expected, records.runOf, encryptionType(settings))
      })
      if (answer && outcomes.every(isStored)) return answer
      const settled = await settle(records, outcomes, (rest) => putter.put(rest, call))
      return jsonFormat.encode(putAnswer(settled, settings))
    }
  }
}

/** Undefined when there is none. */
function namedStream(engine: EmbeddedEngine, names: StreamMembers): StreamDefinition | undefined {
  try {
    return definitionOf(engine, streamOf(names))
  } catch {
    return undefined
  }
}
