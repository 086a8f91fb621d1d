import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../../../shared/clock.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import type { StreamEngine } from '../../engines/engine.ts'
import {
  decodedLine,
  parseReadFrom,
  plainLine,
  readStream,
  type UserRecord
} from '../../reading/reader.ts'
import type { Access } from './access.ts'
import { queryOf } from './record-bodies.ts'

export interface ReadRouteOptions {
  readonly access: Access
  readonly engine: StreamEngine
  /** Ends all reads when the front stops. */
  readonly stopping: AbortSignal
  readonly clock: Clock
}

interface StreamRoute {
  readonly Params: { readonly stream: string }
}

/** While following with nothing new an empty line goes out this often, so that no proxy gives up. */
const heartbeatMs = 15_000

/**
 * `GET /v1/streams/:stream/records?from=&shard=&limit=&follow=&decode=`: NDJSON, one user record a
 * line. Readers pass over empty lines: one comes at once and one each 15 s while following.
 */
export function readRoute(app: FastifyInstance, options: ReadRouteOptions): void {
  app.get<StreamRoute>('/v1/streams/:stream/records', async (request, reply) => {
    const revoked = await options.access.operator(request)
    return startRead(request, reply, { ...options, revoked, stream: request.params.stream })
  })
}

async function startRead(
  request: FastifyRequest,
  reply: FastifyReply,
  options: ReadRouteOptions & { readonly stream: string; readonly revoked: AbortSignal | undefined }
): Promise<FastifyReply> {
  const { engine, stream, clock } = options
  const query = queryOf(request)
  const shard = query.get('shard')
  const follow = isSet(query, 'follow')
  const limit = parseLimit(query.get('limit'))
  const from = parseReadFrom(query.get('from') ?? 'start')
  const { shards } = await engine.describe(stream)
  if (shard !== null && !shards.some((one) => one.id === shard)) {
    throw new HeadwaterError('not_found', `stream "${stream}" has no shard "${shard}"`)
  }
  const end = new AbortController()
  endWith(end, reply, [options.stopping, options.revoked])
  const batches = readStream(engine, {
    stream,
    from,
    follow,
    signal: end.signal,
    ...(shard === null ? {} : { shard }),
    ...(limit === undefined ? {} : { limit })
  })
  const text = isSet(query, 'decode') ? decodedLine : plainLine
  const lines = follow ? withHeartbeat(batches, { text, clock }) : asLines(batches, text)
  // One chunk ahead: the read stops where the client does.
  return reply.type('application/x-ndjson').send(Readable.from(lines, { highWaterMark: 1 }))
}

/** The read ends when the client goes away, the front stops or the right is revoked. */
function endWith(
  end: AbortController,
  reply: FastifyReply,
  signals: readonly (AbortSignal | undefined)[]
): void {
  const abort = () => end.abort()
  for (const signal of signals) {
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort, { once: true })
  }
  reply.raw.once('close', () => {
    for (const signal of signals) signal?.removeEventListener('abort', abort)
    abort()
  })
}

type Line = (record: UserRecord) => string

async function* asLines(batches: AsyncIterable<readonly UserRecord[]>, text: Line) {
  for await (const records of batches) if (records.length > 0) yield records.map(text).join('')
}

async function* withHeartbeat(
  batches: AsyncGenerator<readonly UserRecord[]>,
  { text, clock }: { readonly text: Line; readonly clock: Clock }
) {
  const chunks = asLines(batches, text)
  // The first line sends the headers, so that the client knows that it is connected.
  yield '\n'
  let next = chunks.next()
  for (;;) {
    const timer = new AbortController()
    const nap = clock.sleep(heartbeatMs, timer.signal).then(() => undefined)
    const chunk = await Promise.race([next, nap]).finally(() => timer.abort())
    if (chunk?.done) return
    yield chunk ? chunk.value : '\n'
    if (chunk) next = chunks.next()
  }
}

function parseLimit(text: string | null): number | undefined {
  if (text === null) return undefined
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new HeadwaterError('invalid', 'limit must be a number of records from 1')
}

function isSet(query: URLSearchParams, name: string): boolean {
  const value = query.get(name)
  return value !== null && value !== 'false' && value !== '0'
}
