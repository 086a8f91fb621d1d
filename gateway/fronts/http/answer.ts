import type { FastifyReply, FastifyRequest } from 'fastify'
import { errorKinds, type HeadwaterError } from '../../../shared/errors.ts'
import { type Ack, encodeAckCbor, encodeAckJson } from '../../../shared/wire/ack.ts'

export type AnswerFormat = 'cbor' | 'json'

/** What `Accept` asks for, else the format of the request. */
export function answerFormat(request: FastifyRequest, asked: AnswerFormat): AnswerFormat {
  const accept = request.headers.accept ?? ''
  if (accept.includes('application/cbor')) return 'cbor'
  return accept.includes('application/json') ? 'json' : asked
}

/** The Ack with the status of its code: 200 also when single records of the batch were rejected. */
export function sendAck(reply: FastifyReply, ack: Ack, format: AnswerFormat): FastifyReply {
  setRetryAfter(reply, ack.retryAfterMs)
  reply.code(ack.code === 'ok' ? 200 : errorKinds[ack.code].status)
  return format === 'cbor'
    ? reply.type('application/cbor').send(encodeAckCbor(ack))
    : reply.type('application/json').send(encodeAckJson(ack))
}

/**
 * The answer to a sender without numbers of its own: rejects also carry the index in the body, and
 * when nothing at all was stored the answer is that of the first record.
 */
export function sendPlainAck(reply: FastifyReply, ack: Ack, format: AnswerFormat): FastifyReply {
  const [reject] = ack.rejected
  const rejected = ack.rejected.map((one) => ({ index: one.seq - ack.first, ...one }))
  const refused = reject && ack.rejected.length === ack.count
  const verdict = refused ? { code: reject.code, message: reject.message } : {}
  return sendAck(reply, { ...ack, ...verdict, rejected }, format)
}

/** `{ code, message }` with the status of the code. */
export function sendError(reply: FastifyReply, error: HeadwaterError): FastifyReply {
  const { status, ack } = error.kind
  const waits = ack === 'throttled' || ack === 'unavailable'
  setRetryAfter(reply, error.retryAfterMs ?? (waits ? 1000 : undefined))
  if (status === 401) reply.header('www-authenticate', 'Bearer')
  return reply.code(status).type('application/json').send(errorBody(error.code, error.message))
}

export function errorBody(code: string, message: string): string {
  return `${JSON.stringify({ code, message })}\n`
}

function setRetryAfter(reply: FastifyReply, waitMs: number | undefined): void {
  if (waitMs !== undefined) reply.header('retry-after', Math.max(1, Math.ceil(waitMs / 1000)))
}
