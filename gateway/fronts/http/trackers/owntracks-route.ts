import type { FastifyInstance, FastifyRequest } from 'fastify'
import { anonymousDevice } from '../../../admission/admission.ts'
import { decodeOwntracks } from '../../trackers/owntracks.ts'
import { keepable, type TrackerIntake, type TrackerRequest } from './tracker-intake.ts'
import { basicOf } from './tracker-token.ts'

/**
 * OwnTracks in HTTP mode, see https://owntracks.org/booklet/tech/http/. The app for Android keeps a
 * message until it gets a 2xx; the one for iOS throws it away on any 4xx.
 */
export function owntracksRoute(app: FastifyInstance, intake: TrackerIntake): void {
  app.post('/v1/track/owntracks', async (request, reply) => {
    try {
      await take(request, intake)
    } catch (thrown) {
      throw keepable(thrown)
    }
    // Nobody else's position is told to the app.
    return reply.code(200).type('application/json').send('[]')
  })
}

async function take(request: FastifyRequest, intake: TrackerIntake): Promise<void> {
  const received = await intake.receive(request)
  // Sent when a friend is removed from the app: there is nothing to keep.
  if (received.text === '') return
  await intake.store(received, trackerOf(received), decodeOwntracks(received.text, received.nowMs))
}

/** `user/device`, as in the topics of its MQTT mode. */
function trackerOf({ request, query, principal }: TrackerRequest): string {
  const user = header(request, 'x-limit-u') ?? query.get('u') ?? basicOf(request)?.user
  const device = header(request, 'x-limit-d') ?? query.get('d')
  const named = [user, device].filter((name) => name !== undefined && name !== null && name !== '')
  return named.join('/') || (principal.device ?? anonymousDevice)
}

function header({ headers }: FastifyRequest, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}
