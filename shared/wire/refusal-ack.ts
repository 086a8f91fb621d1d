import type { HeadwaterError } from '../errors.ts'
import type { Ack } from './ack.ts'

/** How long a sender is asked to wait where nothing better is known. */
const retryAfterMs = 1000

/** What an answer names, so that the sender knows its batch. */
export type BatchName = Pick<Ack, 'epoch' | 'stream' | 'first' | 'count'>

/** The batch as a whole was not taken. */
export function refusalAck(batch: BatchName, error: HeadwaterError): Ack {
  const { epoch, stream, first, count } = batch
  const { ack: code } = error.kind
  const waitMs = code === 'throttled' || code === 'unavailable' ? retryAfterMs : undefined
  const askedMs = error.retryAfterMs ?? waitMs
  return {
    epoch,
    stream,
    first,
    count,
    code,
    through: 0,
    rejected: [],
    message: error.message,
    ...(askedMs === undefined ? {} : { retryAfterMs: Math.ceil(askedMs) })
  }
}
