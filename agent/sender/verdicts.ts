import type { AckCode, HeadwaterError } from '../../shared/errors.ts'
import type { Ack, Rejected } from '../../shared/wire/ack.ts'
import type { BatchHeader } from '../../shared/wire/batch.ts'
import type { Parked } from '../buffer/buffer.ts'

/** What an answer, or its absence, makes the sender do with a batch. */
export type Verdict =
  /** Every record is durable or is to be parked; `seqs` absent: all of this batch. */
  | { readonly kind: 'settled'; readonly parked: readonly Parked[] }
  /** Send the same again after a while; the whole gateway or only this stream needs the pause. */
  | { readonly kind: 'wait'; readonly scope: Scope; readonly retryAfterMs: number }
  /** A person must act before this can succeed: probe slowly. */
  | { readonly kind: 'hold'; readonly scope: Scope; readonly code: AckCode; readonly why: string }
  /** Something before this batch is missing at the gateway: send from there again. */
  | { readonly kind: 'rewind' }
  /** Send it in smaller pieces. */
  | { readonly kind: 'split' }
  /** Nothing is known of the batch. */
  | { readonly kind: 'lost'; readonly retryAfterMs: number; readonly error: HeadwaterError }

export type Scope = 'stream' | 'gateway'

/** A gateway that asks for more is mistaken. Milliseconds. */
const longestRetryAfterMs = 3_600_000

/** The verdict of an Ack that answers this batch. */
export function verdictOf(ack: Ack, header: BatchHeader): Verdict {
  const { code, message: why = code } = ack
  switch (code) {
    case 'ok':
      return { kind: 'settled', parked: parkedOf(ack.rejected, header) }
    case 'invalid':
      return { kind: 'settled', parked: [{ code, reason: why }] }
    case 'too_large':
      return header.count > 1
        ? { kind: 'split' }
        : { kind: 'settled', parked: [{ code, reason: why }] }
    case 'throttled':
      return { kind: 'wait', scope: 'stream', retryAfterMs: bounded(ack.retryAfterMs) }
    case 'unavailable':
      return { kind: 'wait', scope: 'gateway', retryAfterMs: bounded(ack.retryAfterMs) }
    case 'out_of_order':
      return { kind: 'rewind' }
    case 'forbidden':
    case 'unknown_stream':
      return { kind: 'hold', scope: 'stream', code, why }
    default:
      return { kind: 'hold', scope: 'gateway', code: code satisfies 'unauthorized', why }
  }
}

/** The verdict when the transport failed. Only a frame that cannot be read at all is parked. */
export function verdictOnFailure(error: HeadwaterError): Verdict {
  switch (error.code) {
    case 'unauthorized':
      return { kind: 'hold', scope: 'gateway', code: 'unauthorized', why: error.message }
    case 'invalid':
    case 'too_large':
      return { kind: 'settled', parked: [{ code: 'unreadable', reason: error.message }] }
    default:
      return { kind: 'lost', retryAfterMs: bounded(error.retryAfterMs), error }
  }
}

function bounded(retryAfterMs = 0): number {
  return Math.min(retryAfterMs, longestRetryAfterMs)
}

/** Grouped by code and reason. What is not of this batch is not this Ack's to reject. */
function parkedOf(rejected: readonly Rejected[], header: BatchHeader): Parked[] {
  const groups = new Map<string, { code: AckCode; reason: string; seqs: number[] }>()
  const seen = new Set<number>()
  for (const { seq, code, message } of rejected) {
    if (seq < header.first || seq >= header.first + header.count || seen.has(seq)) continue
    seen.add(seq)
    const key = `${code} ${message}`
    const group = groups.get(key) ?? { code, reason: message, seqs: [] }
    group.seqs.push(seq)
    groups.set(key, group)
  }
  return [...groups.values()]
}
