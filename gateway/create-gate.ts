import type { Clock } from '../shared/clock.ts'
import type { Log } from '../shared/log.ts'
import type { Random } from '../shared/random.ts'
import { Secret } from '../shared/secret.ts'
import { Authenticator } from './admission/authenticator.ts'
import { DeviceStore } from './admission/device-store.ts'
import { Gate } from './admission/gate.ts'
import { JsonWebTokens } from './admission/json-web-tokens.ts'
import { Ledger } from './admission/ledger.ts'
import { Quota } from './admission/quota.ts'
import { algorithmsOf, type JwtConfig } from './auth-config.ts'
import type { GatewayConfig } from './config.ts'
import { ownEntry } from './own-entry.ts'
import type { Sharding } from './sharding/sharding.ts'

export interface GateDependencies {
  readonly sharding: Sharding
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Admission as configured; `current` gives what a reload may have changed. */
export function createGate(current: () => GatewayConfig, dependencies: GateDependencies): Gate {
  const { sharding, clock, random, log } = dependencies
  const { dataDir, auth, limits, deadlines, memory } = current()
  const store = new DeviceStore(dataDir, { clock, random })
  return new Gate({
    authenticator: new Authenticator({
      mode: auth === 'off' ? 'off' : 'devices',
      store,
      ...(typeof auth === 'object' ? { tokens: newTokens(auth.jwt, { clock, log }) } : {}),
      // As many as can be connected over both fronts.
      maxGuests: 2 * limits.connections,
      clock,
      log
    }),
    ledger: new Ledger({ dataDir, maxDevices: limits.sources, clock, log }),
    quota: new Quota({
      limitsOf: (device) => quotaOf(current(), device),
      burstSeconds: 5,
      maxDevices: limits.sources,
      clock
    }),
    sharding,
    limits: {
      earlyWaitMs: deadlines.earlyWait,
      maxEarly: 64,
      maxSources: limits.sources,
      waitingBytes: Math.floor(memory / 4)
    },
    clock,
    random,
    log
  })
}

function newTokens(
  jwt: JwtConfig,
  context: { readonly clock: Clock; readonly log: Log }
): JsonWebTokens {
  const { keys, secret, issuer, audience, deviceClaim, streamsClaim, groupsClaim, leeway } = jwt
  const place = typeof keys === 'string' ? { url: keys } : keys
  return new JsonWebTokens(
    {
      keys: place ?? { secret: secret ?? Secret.text('') },
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
      deviceClaim,
      ...(streamsClaim === undefined ? {} : { streamsClaim }),
      ...(groupsClaim === undefined ? {} : { groupsClaim }),
      algorithms: algorithmsOf(jwt),
      leewayMs: leeway
    },
    context
  )
}

function quotaOf({ quotas }: GatewayConfig, device: string) {
  const { recordsPerSecond, bytesPerSecond } = ownEntry(quotas.devices, device) ?? quotas
  if (recordsPerSecond === undefined && bytesPerSecond === undefined) return undefined
  return {
    ...(recordsPerSecond === undefined ? {} : { recordsPerSecond }),
    ...(bytesPerSecond === undefined ? {} : { bytesPerSecond })
  }
}
