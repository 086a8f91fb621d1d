import { Command } from 'commander'
import { systemClock } from '../../shared/clock.ts'
import type { Terminal } from '../../shared/command-line.ts'
import { configCommand } from '../../shared/config/config-command.ts'
import { systemRandom } from '../../shared/random.ts'
import { type Device, DeviceStore } from '../admission/device-store.ts'
import { gatewayConfigSpec } from './config-spec.ts'

/** Only what says where the devices are kept. */
const spec = {
  ...gatewayConfigSpec,
  flags: gatewayConfigSpec.flags.filter((one) => one.flag.startsWith('--data-dir'))
}

/** `headwater-gateway devices add|list|revoke`; a gateway that runs follows within a second. */
export function devicesCommand(terminal: Terminal): Command {
  return new Command('devices')
    .description('who may send: tokens of devices')
    .addCommand(addCommand(terminal))
    .addCommand(listCommand(terminal))
    .addCommand(revokeCommand(terminal))
}

function addCommand(terminal: Terminal): Command {
  const { command, load } = configCommand('add', spec, terminal)
  return command
    .description('add a device and print its token, which is shown only now')
    .argument('<name>')
    .option('--stream <stream...>', 'streams it may write to (default: all)')
    .option('--admin', 'it may also read and administer streams')
    .option('--json', 'print JSON')
    .action(async (device: string, options: { stream?: string[]; admin?: true; json?: true }) => {
      const store = await openStore(load)
      const token = await store.add(device, {
        ...(options.stream ? { streams: options.stream } : {}),
        ...(options.admin ? { admin: true } : {})
      })
      terminal.print(options.json ? JSON.stringify({ device, token }) : token)
    })
}

function listCommand(terminal: Terminal): Command {
  const { command, load } = configCommand('list', spec, terminal)
  return command
    .description('list the devices')
    .option('--json', 'print JSON')
    .action(async (options: { json?: true }) => {
      const devices = (await (await openStore(load)).list()).map(shown)
      if (options.json) terminal.print(JSON.stringify(devices, null, 2))
      else terminal.print(table(devices))
    })
}

function revokeCommand(terminal: Terminal): Command {
  const { command, load } = configCommand('revoke', spec, terminal)
  return command
    .description('make the token of a device worthless and close its connections')
    .argument('<name>')
    .action(async (device: string) => {
      await (await openStore(load)).revoke(device)
      terminal.print(`${device} is revoked`)
    })
}

async function openStore(load: () => Promise<{ readonly dataDir: string }>): Promise<DeviceStore> {
  const { dataDir } = await load()
  return new DeviceStore(dataDir, { clock: systemClock, random: systemRandom })
}

interface ShownDevice {
  readonly device: string
  readonly state: string
  readonly streams: string
  readonly created: string
}

function shown({ device, revoked, admin, streams, created }: Device): ShownDevice {
  const state = revoked ? 'revoked' : admin ? 'admin' : 'active'
  return { device, state, streams: streams?.join(',') ?? 'all', created }
}

function table(devices: readonly ShownDevice[]): string {
  const head = { device: 'DEVICE', state: 'STATE', streams: 'STREAMS', created: 'CREATED' }
  const widths = [head, ...devices].map((one) => one.device.length)
  const width = Math.max(...widths)
  return [head, ...devices]
    .map((one) =>
      [one.device.padEnd(width), one.state.padEnd(8), one.streams.padEnd(12), one.created].join(
        '  '
      )
    )
    .join('\n')
}
