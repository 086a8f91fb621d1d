import type { FastifyInstance } from 'fastify'
import type { Health } from '../../../shared/health-server.ts'
import type { Access } from './access.ts'

const greeting = `This is a Headwater gateway: it takes telemetry and keeps it, once and in order.

POST /v1/streams/STREAM/records   a record as it is, NDJSON, or { "records": [...] }
GET  /v1/streams/STREAM/records   what a stream holds, as NDJSON
GET  /v1/streams                  the streams
POST /v1/track/osmand|owntracks   a point of a phone app
GET  /v1/devices/DEVICE/ledger    what came of a device, and what became of it
GET  /healthz /readyz /metrics    how it is
`

/** `/healthz` and `/readyz` for everybody, `/metrics` and `/` for those who may read. */
export function healthRoutes(
  app: FastifyInstance,
  { health, access }: { readonly health: Health; readonly access: Access }
): void {
  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/readyz', async (_request, reply) => {
    const reasons = await health.notReady()
    const status = reasons.length === 0 ? 'ready' : 'not_ready'
    return reply.code(reasons.length === 0 ? 200 : 503).send({ status, reasons })
  })
  app.get('/metrics', async (request, reply) => {
    await access.operator(request)
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await health.metrics())
  })
  app.get('/', async (request, reply) => {
    await access.operator(request)
    return reply.type('text/plain; charset=utf-8').send(greeting)
  })
}
