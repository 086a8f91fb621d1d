import type { PutRecordsResultEntry } from '@aws-sdk/client-kinesis'
import { asHeadwaterError, HeadwaterError } from '../../../shared/errors.ts'
import type { PutEntry, PutOutcome } from '../engine.ts'
import type { Service } from './service.ts'

export interface PutRecordsOptions {
  readonly service: Service
  readonly stream: string
  readonly signal: AbortSignal
}

/**
 * One PutRecords for all entries. The service refuses a call as a whole for one malformed entry, so
 * a refused call is made again in halves, until that entry stands alone. Rejects when nothing is
 * known of any entry.
 */
export async function putRecords(
  entries: readonly PutEntry[],
  options: PutRecordsOptions
): Promise<PutOutcome[]> {
  const { service, stream, signal } = options
  try {
    const { Records } = await service.once(
      'PutRecords',
      (kinesis) =>
        kinesis.putRecords(
          { StreamName: stream, Records: entries.map(recordOf) },
          { abortSignal: signal }
        ),
      stream
    )
    if (Records?.length !== entries.length) {
      const message = `PutRecords "${stream}": ${Records?.length ?? 0} results for ${entries.length} records; something other than Kinesis answers`
      throw new HeadwaterError('transport', message)
    }
    return Records.map(outcomeOf)
  } catch (thrown) {
    const error = asHeadwaterError(thrown)
    if (error.code === 'throttled') {
      return entries.map(() => ({ status: 'throttled', message: error.message }))
    }
    if (error.code !== 'invalid') throw error
    if (entries.length === 1) {
      return [{ status: 'failed', message: error.message, retryable: false }]
    }
    const middle = Math.ceil(entries.length / 2)
    const first = await putHalf(entries.slice(0, middle), options)
    return [...first, ...(await putHalf(entries.slice(middle), options))]
  }
}

/** Never rejects: of the other half something is known. */
function putHalf(entries: readonly PutEntry[], options: PutRecordsOptions): Promise<PutOutcome[]> {
  return putRecords(entries, options).catch((thrown: unknown) => {
    const { message } = asHeadwaterError(thrown)
    return entries.map(() => ({ status: 'failed', message, retryable: true }) as const)
  })
}

function recordOf({ partitionKey, hashKey, data }: PutEntry) {
  return { PartitionKey: partitionKey, ExplicitHashKey: hashKey.toString(), Data: data }
}

function outcomeOf(result: PutRecordsResultEntry): PutOutcome {
  const {
    ErrorCode: code,
    ErrorMessage: said = '',
    ShardId: shard,
    SequenceNumber: sequence
  } = result
  if (code === undefined && shard !== undefined && sequence !== undefined) {
    return { status: 'stored', shard, sequence }
  }
  const message = `${code ?? 'no sequence number'}: ${said}`
  return code === 'ProvisionedThroughputExceededException'
    ? { status: 'throttled', message }
    : { status: 'failed', message, retryable: true }
}
