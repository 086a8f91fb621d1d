import type { FastifyInstance, FastifyRequest } from 'fastify'
import { HeadwaterError } from '../../../shared/errors.ts'
import { signedConfigType } from '../../../shared/signed-config.ts'
import { parseStatus } from '../../remote-config/config-status.ts'
import type { RemoteConfigs } from '../../remote-config/remote-configs.ts'
import type { Access } from './access.ts'
import type { BodyReader } from './body-reader.ts'
import { queryOf, textOf } from './record-bodies.ts'

export interface ConfigRoutesOptions {
  readonly access: Access
  readonly bodies: BodyReader
  readonly configs: RemoteConfigs
}

interface DeviceRoute {
  readonly Params: { readonly device: string }
}

/** What a device asks for its configuration and tells of it; each may do so for itself alone. */
export function configRoutes(app: FastifyInstance, options: ConfigRoutesOptions): void {
  const { access, bodies, configs } = options
  app.get<DeviceRoute>('/v1/devices/:device/config', async (request, reply) => {
    const device = await ownDevice(request, access)
    const config = await configs.configFor(device, queryOf(request).get('group') ?? undefined)
    if (!config) return reply.code(204).send()
    const etag = `"${config.digest}"`
    reply.header('etag', etag)
    if (request.headers['if-none-match'] === etag) return reply.code(304).send()
    // Without a charset, which the framework adds to what it sends as text.
    return reply.type(signedConfigType).send(Buffer.from(config.text))
  })
  app.put<DeviceRoute>('/v1/devices/:device/config/status', async (request, reply) => {
    const device = await ownDevice(request, access)
    await configs.report(device, parseStatus(await bodyOf(request, bodies)))
    return reply.code(204).send()
  })
}

async function ownDevice(request: FastifyRequest<DeviceRoute>, access: Access): Promise<string> {
  const { device } = request.params
  const principal = await access.writer(request)
  if (principal.device === undefined || principal.device === device) return device
  throw new HeadwaterError(
    'forbidden',
    `device "${principal.device}" may not see the configuration of "${device}"`
  )
}

async function bodyOf(request: FastifyRequest, bodies: BodyReader): Promise<unknown> {
  const body = await bodies.read(request.raw)
  try {
    return JSON.parse(textOf(body.bytes))
  } catch (cause) {
    if (cause instanceof HeadwaterError) throw cause
    throw new HeadwaterError('invalid', `body is not valid JSON: ${String(cause)}`, { cause })
  } finally {
    body.release()
  }
}
