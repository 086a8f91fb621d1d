import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { HeadwaterError } from '../../../../shared/errors.ts'
import { decodeOsmand, type NamedPoint } from '../../trackers/osmand.ts'
import { decodeOsmandJson } from '../../trackers/osmand-json.ts'
import { mediaType } from '../record-bodies.ts'
import type { TrackerIntake, TrackerRequest } from './tracker-intake.ts'
import { tokenParameter } from './tracker-token.ts'

/**
 * The OsmAnd protocol of Traccar Client and others, by query, form or JSON. These apps keep a point
 * until they get a 2xx and send no other before it, so only a point without any name is refused.
 */
export function osmandRoutes(app: FastifyInstance, intake: TrackerIntake, path: string): void {
  app.route({
    method: ['GET', 'POST'],
    url: path,
    handler: (request, reply) => take(request, reply, intake)
  })
}

async function take(
  request: FastifyRequest,
  reply: FastifyReply,
  intake: TrackerIntake
): Promise<FastifyReply> {
  const received = await intake.receive(request)
  const { tracker = received.principal.device, point } = decode(received)
  if (tracker === undefined) {
    throw new HeadwaterError('invalid', 'parameter "id" is missing: which tracker is this?')
  }
  await intake.store(received, tracker, point)
  return reply.code(200).send()
}

function decode({ request, query, text, nowMs }: TrackerRequest): NamedPoint {
  if (text !== '' && mediaType(request) === 'application/json') return decodeOsmandJson(text, nowMs)
  const parameters = new URLSearchParams([...query, ...new URLSearchParams(text)])
  parameters.delete(tokenParameter)
  return decodeOsmand(parameters, nowMs)
}
