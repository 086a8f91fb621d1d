import type { FastifyInstance } from 'fastify'
import { HeadwaterError } from '../../../shared/errors.ts'
import type { Admission } from '../../admission/admission.ts'
import type { Access } from './access.ts'

interface DeviceRoute {
  readonly Params: { readonly device: string }
}

/** `GET /v1/devices/:device/ledger`, for operators and for the device itself. */
export function deviceRoutes(
  app: FastifyInstance,
  { access, admission }: { readonly access: Access; readonly admission: Admission }
): void {
  app.get<DeviceRoute>('/v1/devices/:device/ledger', async (request) => {
    const { device } = request.params
    await access.inspector(request, device)
    const ledger = await admission.ledger(device)
    if (ledger) return ledger
    throw new HeadwaterError('not_found', `nothing ever came of a device "${device}"`)
  })
}
