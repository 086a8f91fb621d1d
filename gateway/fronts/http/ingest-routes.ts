import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../../../shared/clock.ts'
import { asHeadwaterError, HeadwaterError } from '../../../shared/errors.ts'
import type { Ack } from '../../../shared/wire/ack.ts'
import { decodeBatch, decodeBatchRecords } from '../../../shared/wire/batch.ts'
import { refusalAck } from '../../../shared/wire/refusal-ack.ts'
import type { Admission, IncomingBatch } from '../../admission/admission.ts'
import type { Access } from './access.ts'
import { answerFormat, sendAck, sendPlainAck } from './answer.ts'
import type { Body, BodyReader } from './body-reader.ts'
import { ConnectionOrder, type Place } from './connection-order.ts'
import { decodeRecords, mediaType } from './record-bodies.ts'
import { withinDeadline } from './within-deadline.ts'

export interface IngestOptions {
  readonly admission: Admission
  readonly access: Access
  readonly bodies: BodyReader
  /** When a batch is not durable by then, 503 is answered while the work goes on. Milliseconds. */
  readonly deadlineMs: number
  readonly clock: Clock
}

/** A request on its way to admission, and what must be given back whatever becomes of it. */
interface Arrival {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly place: Place
  readonly held: Set<Pick<Body, 'release'>>
}

interface StreamRoute {
  readonly Params: { readonly stream: string }
}

/** Longest `Idempotency-Key`. */
const maxKeyChars = 256

/** `POST /v1/batches` for agents, `POST /v1/streams/:stream/records` for everybody. */
export function ingestRoutes(app: FastifyInstance, options: IngestOptions): void {
  const ingest = new Ingest(options)
  app.post('/v1/batches', (request, reply) => ingest.batch(request, reply))
  app.post<StreamRoute>('/v1/streams/:stream/records', (request, reply) =>
    ingest.records(request, reply, request.params.stream)
  )
}

class Ingest {
  readonly #options: IngestOptions
  readonly #order = new ConnectionOrder()

  constructor(options: IngestOptions) {
    this.#options = options
  }

  batch(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    return this.#arrive(request, reply, (arrival) => this.#batch(arrival))
  }

  records(request: FastifyRequest, reply: FastifyReply, stream: string): Promise<FastifyReply> {
    return this.#arrive(request, reply, (arrival) => this.#records(arrival, stream))
  }

  async #arrive(
    request: FastifyRequest,
    reply: FastifyReply,
    handle: (arrival: Arrival) => Promise<FastifyReply>
  ): Promise<FastifyReply> {
    const place = this.#order.enter(request.socket)
    const arrival = { request, reply, place, held: new Set<Body>() }
    try {
      return await handle(arrival)
    } finally {
      letGo(arrival)
    }
  }

  async #batch(arrival: Arrival): Promise<FastifyReply> {
    const { request, reply } = arrival
    const { access, bodies } = this.#options
    const principal = await access.writer(request)
    if (mediaType(request) !== 'application/cbor') {
      throw new HeadwaterError('invalid', 'Content-Type must be application/cbor')
    }
    const body = await bodies.read(request.raw)
    arrival.held.add(body)
    const { header, enc, body: packed } = decodeBatch(body.bytes)
    const { stream } = header
    const format = answerFormat(request, 'cbor')
    let batch: IncomingBatch
    try {
      const frame = enc === 'gzip' ? await this.#unpack(packed, arrival) : packed
      const records = decodeBatchRecords(header, frame)
      batch = { principal, stream, records, header, wireBytes: body.wireBytes }
    } catch (error) {
      // Once the header is known every answer is an Ack that names the batch.
      return sendAck(reply, refusalAck(header, asHeadwaterError(error)), format)
    }
    return sendAck(reply, await this.#admit(arrival, batch), format)
  }

  async #records(arrival: Arrival, stream: string): Promise<FastifyReply> {
    const { request, reply } = arrival
    const { access, bodies, clock } = this.#options
    const principal = await access.writer(request)
    const idempotencyKey = keyOf(request)
    const body = await bodies.read(request.raw)
    arrival.held.add(body)
    const { header, records } = decodeRecords(request, body.bytes, {
      device: principal.device,
      nowMs: clock.wallMs()
    })
    const ack = await this.#admit(arrival, {
      principal,
      stream,
      records,
      wireBytes: body.wireBytes,
      ...(header ? { header } : {}),
      ...(idempotencyKey === undefined || header ? {} : { idempotencyKey })
    })
    const send = header ? sendAck : sendPlainAck
    return send(reply, ack, answerFormat(request, 'json'))
  }

  async #unpack(packed: Buffer, arrival: Arrival): Promise<Buffer> {
    const unpacked = await this.#options.bodies.unpack(packed, 'batch: field "body"')
    arrival.held.add(unpacked)
    return unpacked.bytes
  }

  async #admit(arrival: Arrival, batch: IncomingBatch): Promise<Ack> {
    await arrival.place.turn
    const work = this.#options.admission.admit(batch)
    // From here on the bytes are counted where they wait.
    letGo(arrival)
    const { header, stream, records } = batch
    const epoch = header?.epoch ?? ''
    const name = { epoch, stream, first: header?.first ?? 0, count: records.lens.length }
    return withinDeadline(work, name, this.#options)
  }
}

function letGo({ place, held }: Arrival): void {
  place.leave()
  for (const one of held) one.release()
  held.clear()
}

function keyOf(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key']
  if (key === undefined) return undefined
  if (typeof key !== 'string' || key === '' || key.length > maxKeyChars) {
    throw new HeadwaterError('invalid', `Idempotency-Key must be 1 to ${maxKeyChars} characters`)
  }
  return key
}
