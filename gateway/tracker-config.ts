import { z } from 'zod'
import { listener, name } from '../shared/config/fields.ts'

/** Phone apps that send where they are: OsmAnd protocol and OwnTracks. */
export const trackersSchema = z.strictObject({
  stream: name()
    .prefault('telemetry')
    .describe('Stream of the points that phone apps send over HTTP.'),
  ids: z
    .enum(['any', 'device'])
    .prefault('any')
    .describe(
      'device: a device sends only for trackers named as itself, or as itself, `/` and more, over HTTP and by routes with `as: owntracks`. any: its token is good for all.'
    ),
  osmand: z
    .strictObject({
      listen: listener()
        .prefault('off')
        .describe(
          'A port for the OsmAnd protocol alone, on any path, as apps know it from a Traccar server (5055), or `off`.'
        )
    })
    .prefault({})
})
