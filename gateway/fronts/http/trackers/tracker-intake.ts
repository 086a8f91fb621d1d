import type { FastifyRequest } from 'fastify'
import type { Clock } from '../../../../shared/clock.ts'
import { asHeadwaterError, type ErrorCode, HeadwaterError } from '../../../../shared/errors.ts'
import type { Admission, Principal } from '../../../admission/admission.ts'
import { foreignTracker, type TrackerIds } from '../../trackers/tracker-ids.ts'
import { columnsOf, idempotencyKeyOf, type TrackerPoint } from '../../trackers/tracker-point.ts'
import type { Access } from '../access.ts'
import type { BodyReader } from '../body-reader.ts'
import { queryOf, textOf } from '../record-bodies.ts'
import { withinDeadline } from '../within-deadline.ts'
import { trackerToken } from './tracker-token.ts'

export interface TrackerOptions {
  /** Stream of the points. */
  readonly stream: string
  readonly ids: TrackerIds
}

export interface TrackerIntakeOptions extends TrackerOptions {
  readonly admission: Admission
  readonly access: Access
  readonly bodies: BodyReader
  /** When a point is not durable by then, the app is told to send it again. Milliseconds. */
  readonly deadlineMs: number
  readonly clock: Clock
}

/** A request of an app, with its sender known. */
export interface TrackerRequest {
  readonly request: FastifyRequest
  readonly query: URLSearchParams
  /** The body as text; empty when there is none. */
  readonly text: string
  readonly principal: Principal
  readonly nowMs: number
}

/** What the requests of all apps have in common: who sends, and one point made durable. */
export class TrackerIntake {
  readonly #options: TrackerIntakeOptions

  constructor(options: TrackerIntakeOptions) {
    this.#options = options
  }

  /** Rejects with `unauthorized`, `forbidden`, `too_large`, `invalid`, `unavailable`. */
  async receive(request: FastifyRequest): Promise<TrackerRequest> {
    const { access, bodies, clock } = this.#options
    const query = queryOf(request)
    const principal = await access.writer(request, trackerToken(request, query))
    const nowMs = clock.wallMs()
    if (request.method === 'GET') return { request, query, text: '', principal, nowMs }
    const body = await bodies.read(request.raw)
    try {
      return { request, query, text: textOf(body.bytes), principal, nowMs }
    } finally {
      body.release()
    }
  }

  /** Resolves when the point is durable; rejects with why it is not. */
  async store({ principal }: TrackerRequest, tracker: string, point: TrackerPoint): Promise<void> {
    const { admission, stream, ids } = this.#options
    const foreign = foreignTracker(ids, { device: principal.device, tracker })
    if (foreign !== undefined) throw new HeadwaterError('forbidden', foreign)
    const idempotencyKey = idempotencyKeyOf(point, tracker)
    const work = admission.admit({
      principal,
      stream,
      records: columnsOf(point, tracker),
      wireBytes: point.data.length,
      ...(idempotencyKey === undefined ? {} : { idempotencyKey })
    })
    const ack = await withinDeadline(work, { epoch: '', stream, first: 0, count: 1 }, this.#options)
    const [reject] = ack.rejected
    const code = reject?.code ?? ack.code
    if (code === 'ok') return
    const { retryAfterMs } = ack
    throw new HeadwaterError(code, reject?.message ?? ack.message ?? 'refused', {
      ...(retryAfterMs === undefined ? {} : { retryAfterMs })
    })
  }
}

const contentFaults: readonly ErrorCode[] = ['invalid', 'too_large']

/**
 * For apps that throw a point away on any 4xx: only what the point itself is to blame for stays one.
 * For the rest, a token that is wrong or a stream that is throttled, they are to keep it.
 */
export function keepable(thrown: unknown): HeadwaterError {
  const error = asHeadwaterError(thrown)
  const { status } = error.kind
  if (contentFaults.includes(error.code) || status < 400 || status > 499) return error
  return new HeadwaterError('unavailable', error.message, {
    cause: error,
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs })
  })
}
