import { isDeepStrictEqual } from 'node:util'
import { HeadwaterError } from '../shared/errors.ts'
import type { GatewayConfig } from './config.ts'
import { requiresCertificates } from './tls-config.ts'

/** What a running gateway takes over; of a stream only that it is new, of TLS only the texts. */
const changeable = new Set(['quotas', 'log', 'streams', 'tls'])

/** Throws `config` when `next` differs from `now` in what only a restart can change. */
export function reloadable(now: GatewayConfig, next: GatewayConfig): void {
  for (const key of Object.keys(next) as (keyof GatewayConfig)[]) {
    if (changeable.has(key) || isDeepStrictEqual(now[key], next[key])) continue
    throw new HeadwaterError('config', `"${key}" cannot change while the gateway runs; restart it`)
  }
  if (!isDeepStrictEqual(shapeOf(now.tls), shapeOf(next.tls))) {
    throw new HeadwaterError(
      'config',
      'whether there is TLS, and who is asked for a certificate, cannot change while the gateway runs; restart it'
    )
  }
  for (const [name, options] of Object.entries(now.streams)) {
    const wanted = next.streams[name]
    if (wanted === undefined || isDeepStrictEqual(options, wanted)) continue
    throw new HeadwaterError(
      'config',
      `"streams.${name}" cannot change here; split, merge or make it anew with headwater-stream`
    )
  }
}

function shapeOf(tls: GatewayConfig['tls']) {
  return tls && { asks: tls.clientCa !== undefined, requires: requiresCertificates(tls) }
}
