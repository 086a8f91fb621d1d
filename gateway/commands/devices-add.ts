import { hostname } from 'node:os'
import type { Command } from 'commander'
import type { Terminal } from '../../shared/command-line.ts'
import { configCommand } from '../../shared/config/config-command.ts'
import type { GatewayConfig } from '../config.ts'
import { requiresCertificates } from '../tls-config.ts'
import { gatewayConfigSpec } from './config-spec.ts'
import { openDevices } from './device-data.ts'
import { deviceSnippets, type Reach } from './device-snippets.ts'

/** Where the devices are kept, and how they reach the gateway. */
const spec = {
  ...gatewayConfigSpec,
  flags: gatewayConfigSpec.flags.filter((one) => /^--(data-dir|http|mqtt) /.test(one.flag))
}

interface AddOptions {
  readonly stream?: string[]
  readonly group?: string[]
  readonly admin?: true
  readonly host?: string
  readonly token: boolean
  readonly json?: true
}

/** `headwater-gateway devices add` */
export function devicesAddCommand(terminal: Terminal): Command {
  const { command, load } = configCommand('add', spec, terminal)
  return command
    .description('add a device, print its token, which is shown only now, and how to send')
    .argument('<name>')
    .option('--stream <stream>', 'one it may write to; may be repeated (default: all)', listed)
    .option(
      '--group <group>',
      'one whose remote configuration it is given; may be repeated (default: none)',
      listed
    )
    .option('--admin', 'it may also read and administer streams')
    .option('--no-token', 'it comes with a certificate or a JWT; only its rights are kept')
    .option('--host <host>', 'name or address of the gateway, as the device knows it')
    .option('--json', 'print JSON')
    .action(async (device: string, options: AddOptions) => {
      const config = await load()
      const rights = {
        ...(options.stream ? { streams: options.stream } : {}),
        ...(options.group ? { groups: options.group } : {}),
        ...(options.admin ? { admin: true } : {})
      }
      const store = openDevices(config.dataDir)
      const token = options.token ? await store.add(device, rights) : undefined
      if (token === undefined) await store.register(device, rights)
      const reach = reachOf(config, { device, options, token })
      terminal.print(options.json ? json(reach) : text(reach))
    })
}

/** The values of an option that is repeated. One that takes several would take the name as well. */
function listed(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

function reachOf(
  config: GatewayConfig,
  added: {
    readonly device: string
    readonly options: AddOptions
    readonly token: string | undefined
  }
): Reach {
  const { http, mqtt, tls, streams } = config
  const { device, options, token } = added
  const listening = http === 'off' ? mqtt : http
  return {
    device,
    ...(token === undefined ? {} : { token }),
    host: options.host ?? hostOf(listening === 'off' ? '' : listening.host),
    ...(http === 'off' ? {} : { httpPort: http.port }),
    ...(mqtt === 'off' ? {} : { mqttPort: mqtt.port }),
    tls: tls !== undefined,
    certificate: requiresCertificates(tls) || (token === undefined && tls?.clientCa !== undefined),
    stream: options.stream?.[0] ?? Object.keys(streams)[0] ?? 'telemetry'
  }
}

/** Of an address that stands for all of this machine, the machine's name. */
function hostOf(address: string): string {
  if (['', '0.0.0.0', '::'].includes(address)) return hostname()
  return address.includes(':') ? `[${address}]` : address
}

function json(reach: Reach): string {
  const { device, token } = reach
  return JSON.stringify({ device, token, snippets: deviceSnippets(reach) })
}

/** The token stands alone in the first line. */
function text(reach: Reach): string {
  const parts = Object.entries(deviceSnippets(reach)).map(([name, code]) => `## ${name}\n${code}`)
  const note = reach.tls
    ? [
        '(ca.pem: who issued the certificate of the gateway; leave it out when that is a public one)'
      ]
    : []
  const first = reach.token ?? `${reach.device} comes with a certificate or a JWT`
  return [first, ...parts, ...note].join('\n\n')
}
