import type { Clock } from '../shared/clock.ts'
import type { Log } from '../shared/log.ts'
import type { Random } from '../shared/random.ts'
import { Authenticator } from './admission/authenticator.ts'
import { DeviceStore } from './admission/device-store.ts'
import { Gate } from './admission/gate.ts'
import { Quota } from './admission/quota.ts'
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
    authenticator: new Authenticator({ mode: auth, store, clock, log }),
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

function quotaOf({ quotas }: GatewayConfig, device: string) {
  const { recordsPerSecond, bytesPerSecond } = ownEntry(quotas.devices, device) ?? quotas
  if (recordsPerSecond === undefined && bytesPerSecond === undefined) return undefined
  return {
    ...(recordsPerSecond === undefined ? {} : { recordsPerSecond }),
    ...(bytesPerSecond === undefined ? {} : { bytesPerSecond })
  }
}
