import { type FlagSpec, setsKey } from '../../shared/config/flags.ts'
import type { LoadOptions } from '../../shared/config/load-config.ts'
import { type GatewayConfig, gatewaySchema, loadGatewayConfig } from '../config.ts'
import { readTls } from '../tls/read-tls.ts'

/** Each stands for keys of `gateway.yaml`. */
const flags: readonly FlagSpec[] = [
  { flag: '--data-dir <dir>', help: 'where streams and devices are kept', set: setsKey('dataDir') },
  { flag: '--http <host:port>', help: 'address of the HTTP front, or off', set: setsKey('http') },
  { flag: '--mqtt <host:port>', help: 'address of the MQTT front, or off', set: setsKey('mqtt') },
  {
    flag: '--kinesis <host:port>',
    help: 'address of the Kinesis API, or off',
    set: setsKey('kinesis')
  },
  {
    flag: '--kinesis-tls <host:port>',
    help: 'address of the Kinesis API over TLS, or off',
    set: setsKey('kinesisTls')
  },
  {
    flag: '--stream <name[:shards]>',
    help: 'make this stream if it does not exist; again for more',
    repeat: true,
    set: (streams) =>
      (Array.isArray(streams) ? streams : []).map((text) => {
        const [stream = '', shards] = String(text).split(':')
        return { path: ['streams', stream], value: shards === undefined ? {} : { shards } }
      })
  },
  { flag: '--auth <devices|off>', help: 'whether senders need a token', set: setsKey('auth') }
]

/** How the gateway is configured, for its commands. */
export const gatewayConfigSpec = {
  file: 'gateway.yaml',
  schema: async () => gatewaySchema,
  flags,
  load: loadGatewayConfig
}

/** The same for `check`: the certificates must be usable too. */
export const gatewayCheckSpec = { ...gatewayConfigSpec, load: loadWithCertificates }

async function loadWithCertificates(options: LoadOptions): Promise<GatewayConfig> {
  const config = await loadGatewayConfig(options)
  if (config.tls) await readTls(config.tls)
  return config
}
