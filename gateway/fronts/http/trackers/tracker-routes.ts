import type { FastifyInstance } from 'fastify'
import { osmandRoutes } from './osmand-routes.ts'
import { owntracksRoute } from './owntracks-route.ts'
import { TrackerIntake, type TrackerIntakeOptions } from './tracker-intake.ts'

/** `/v1/track/osmand` and `/v1/track/owntracks`, for phone apps. */
export function trackerRoutes(app: FastifyInstance, options: TrackerIntakeOptions): void {
  const intake = new TrackerIntake(options)
  osmandRoutes(app, intake, '/v1/track/osmand')
  owntracksRoute(app, intake)
}

/** The OsmAnd protocol on every path, for a port of its own. */
export function osmandOnly(app: FastifyInstance, options: TrackerIntakeOptions): void {
  osmandRoutes(app, new TrackerIntake(options), '*')
}
