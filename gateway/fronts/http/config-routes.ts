import type { FastifyInstance, FastifyRequest } from 'fastify'
import { HeadwaterError } from '../../../shared/errors.ts'
import { signedConfigType } from '../../../shared/signed-config.ts'
import type { Principal } from '../../admission/admission.ts'
import { parseStatus } from '../../remote-config/config-status.ts'
import type { RemoteConfigs } from '../../remote-config/remote-configs.ts'
import type { Access } from './access.ts'
import type { BodyReader } from './body-reader.ts'
import { readJson } from './read-json.ts'
import { queryOf } from './record-bodies.ts'

export interface ConfigRoutesOptions {
  readonly access: Access
  readonly bodies: BodyReader
  readonly configs: RemoteConfigs
}

interface DeviceRoute {
  readonly Params: { readonly device: string }
}

/**
 * What a device asks for its configuration and tells of it: each for itself alone, and for a group
 * only when its credentials name that. While nobody is asked who it is, anybody for anything.
 */
export function configRoutes(app: FastifyInstance, options: ConfigRoutesOptions): void {
  const { access, bodies, configs } = options
  app.get<DeviceRoute>('/v1/devices/:device/config', async (request, reply) => {
    const principal = await ownPrincipal(request, access)
    const group = queryOf(request).get('group') ?? undefined
    if (group !== undefined) requireMember(principal, group)
    const config = await configs.configFor(request.params.device, group)
    if (!config) return reply.code(204).send()
    const etag = `"${config.digest}"`
    reply.header('etag', etag)
    if (request.headers['if-none-match'] === etag) return reply.code(304).send()
    // Without a charset, which the framework adds to what it sends as text.
    return reply.type(signedConfigType).send(Buffer.from(config.text))
  })
  app.put<DeviceRoute>('/v1/devices/:device/config/status', async (request, reply) => {
    await ownPrincipal(request, access)
    await configs.report(request.params.device, parseStatus(await readJson(request.raw, bodies)))
    return reply.code(204).send()
  })
}

async function ownPrincipal(
  request: FastifyRequest<DeviceRoute>,
  access: Access
): Promise<Principal> {
  const { device } = request.params
  const principal = await access.writer(request)
  if (principal.device === undefined || principal.device === device) return principal
  throw new HeadwaterError(
    'forbidden',
    `device "${principal.device}" may not see the configuration of "${device}"`
  )
}

function requireMember({ device, groups = [] }: Principal, group: string): void {
  if (device === undefined || groups.includes(group)) return
  throw new HeadwaterError(
    'forbidden',
    `device "${device}" is not in group "${group}"; the gateway knows that by "devices add --group", or by the claim auth.jwt.groupsClaim`
  )
}
