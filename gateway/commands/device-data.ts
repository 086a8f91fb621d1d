import { systemClock } from '../../shared/clock.ts'
import { systemRandom } from '../../shared/random.ts'
import { DeviceStore } from '../admission/device-store.ts'
import { gatewayConfigSpec } from './config-spec.ts'

/** Only what says where the devices are kept. */
export const dataDirSpec = {
  ...gatewayConfigSpec,
  flags: gatewayConfigSpec.flags.filter((one) => one.flag.startsWith('--data-dir'))
}

export function openDevices(dataDir: string): DeviceStore {
  return new DeviceStore(dataDir, { clock: systemClock, random: systemRandom })
}
