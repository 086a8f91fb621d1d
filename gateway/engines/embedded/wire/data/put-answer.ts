import type { PutOutcome } from '../../../engine.ts'
import type { StreamSettings } from '../../stream-settings.ts'
import type { WireObject } from '../operation.ts'
import { encryptionType } from './encryption-type.ts'

/** What PutRecords answers, an outcome for each of its records. */
export function putAnswer(outcomes: readonly PutOutcome[], settings: StreamSettings): WireObject {
  return {
    FailedRecordCount: outcomes.filter(({ status }) => status !== 'stored').length,
    Records: outcomes.map(resultShape),
    EncryptionType: encryptionType(settings)
  }
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
