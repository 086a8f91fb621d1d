import type { StreamRecord } from '../../../engine.ts'
import type { WireObject } from '../operation.ts'

/** `Record` of the API. */
export function recordShape(record: StreamRecord, encryption: 'NONE' | 'KMS'): WireObject {
  return {
    SequenceNumber: record.sequence,
    ApproximateArrivalTimestamp: new Date(record.arrivalMs),
    Data: record.data,
    PartitionKey: record.partitionKey,
    EncryptionType: encryption
  }
}
