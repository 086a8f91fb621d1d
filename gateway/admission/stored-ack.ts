import type { Ack } from '../../shared/wire/ack.ts'
import type { IncomingBatch } from './admission.ts'
import type { Reject } from './validate.ts'

/** Every record of the batch is durable, but for the rejects. */
export function storedAck(
  batch: IncomingBatch,
  numbers: Pick<Ack, 'epoch' | 'first' | 'through'>,
  rejects: readonly Reject[]
): Ack {
  return {
    ...numbers,
    stream: batch.stream,
    count: batch.records.lens.length,
    code: 'ok',
    rejected: rejects.map(({ index, code, message }) => ({
      seq: numbers.first + index,
      code,
      message
    }))
  }
}
