import type { FastifyInstance, FastifyRequest } from 'fastify'
import { HeadwaterError } from '../../../shared/errors.ts'
import { requireName } from '../../../shared/record.ts'
import { Fields } from '../../../shared/wire/fields.ts'
import { descriptionJson } from '../../engines/description-json.ts'
import { createLimits, type StreamAdmin, type StreamEngine } from '../../engines/engine.ts'
import { parseHashKey } from '../../engines/hash-key.ts'
import type { Access } from './access.ts'
import type { BodyReader } from './body-reader.ts'
import { readJson } from './read-json.ts'

export interface StreamRoutesOptions {
  readonly access: Access
  readonly bodies: BodyReader
  readonly engine: StreamEngine
  /** Absent when the streams belong to an engine that is administered elsewhere. */
  readonly admin: StreamAdmin | undefined
}

interface StreamRoute {
  readonly Params: { readonly stream: string }
}

const hourMs = 3_600_000

/** Listing, describing, making, deleting and resharding streams. */
export function streamRoutes(app: FastifyInstance, options: StreamRoutesOptions): void {
  const { access, engine } = options
  app.addHook('onRequest', async (request) => {
    await access.operator(request)
  })
  app.get('/v1/streams', async () => ({ streams: await engine.streams() }))
  app.get<StreamRoute>('/v1/streams/:stream', (request) => describe(engine, request.params.stream))
  app.post('/v1/streams', async (request, reply) => {
    const fields = await readFields(request, options.bodies)
    const name = requireName(fields.get('name'), 'name')
    await adminOf(options).create(name, {
      shards: fields.int('shards', 1, createLimits.shards),
      ...(fields.has('retentionHours')
        ? { retentionMs: fields.int('retentionHours', 1, createLimits.retentionHours) * hourMs }
        : {})
    })
    return reply.code(201).send(await describe(engine, name))
  })
  app.delete<StreamRoute>('/v1/streams/:stream', async (request, reply) => {
    await adminOf(options).delete(request.params.stream)
    return reply.code(204).send()
  })
  reshardRoutes(app, options)
}

function reshardRoutes(app: FastifyInstance, options: StreamRoutesOptions): void {
  app.post<StreamRoute>('/v1/streams/:stream/split', async (request) => {
    const fields = await readFields(request, options.bodies)
    const at = fields.has('at') ? hashKey(fields) : undefined
    const { stream } = request.params
    return { shards: await adminOf(options).split(stream, fields.text('shard'), at) }
  })
  app.post<StreamRoute>('/v1/streams/:stream/merge', async (request) => {
    const fields = await readFields(request, options.bodies)
    const { stream } = request.params
    const child = await adminOf(options).merge(
      stream,
      fields.text('shard'),
      fields.text('neighbour')
    )
    return { shards: [child] }
  })
}

function adminOf({ admin }: StreamRoutesOptions): StreamAdmin {
  if (admin) return admin
  throw new HeadwaterError(
    'not_found',
    'the streams of this engine are administered with its own tools'
  )
}

async function describe(engine: StreamEngine, stream: string) {
  return descriptionJson(await engine.describe(stream))
}

function hashKey(fields: Fields): bigint {
  return parseHashKey(fields.text('at')) ?? fields.fail('at', 'must be a hash key: 0 to 2^128 - 1')
}

async function readFields(request: FastifyRequest, bodies: BodyReader): Promise<Fields> {
  return new Fields(await readJson(request.raw, bodies), 'body')
}
