import { Command } from 'commander'
import type { Terminal } from '../../shared/command-line.ts'
import { configCommand } from '../../shared/config/config-command.ts'
import { formatTable } from '../../shared/format-table.ts'
import type { Device } from '../admission/device-store.ts'
import { LedgerStore } from '../admission/ledger-store.ts'
import type { GatewayConfig } from '../config.ts'
import { dataDirSpec, openDevices } from './device-data.ts'
import { devicesAddCommand } from './devices-add.ts'
import { devicesShowCommand } from './devices-show.ts'

/** `headwater-gateway devices add|list|show|revoke`; a gateway that runs follows within a second. */
export function devicesCommand(terminal: Terminal): Command {
  return new Command('devices')
    .description('who may send, and what came of them')
    .addCommand(devicesAddCommand(terminal))
    .addCommand(listCommand(terminal))
    .addCommand(devicesShowCommand(terminal))
    .addCommand(revokeCommand(terminal))
}

function listCommand(terminal: Terminal): Command {
  const { command, load } = configCommand('list', dataDirSpec, terminal)
  return command
    .description('list the devices')
    .option('--json', 'print JSON')
    .action(async (options: { json?: true }) => {
      const { dataDir } = await load()
      const lastSeen = await lastSeenIn(dataDir)
      const devices = (await openDevices(dataDir).list()).map((one) => shown(one, lastSeen))
      if (options.json) terminal.print(JSON.stringify(devices, null, 2))
      else terminal.print(table(devices))
    })
}

function revokeCommand(terminal: Terminal): Command {
  const { command, load } = configCommand('revoke', dataDirSpec, terminal)
  return command
    .description('keep a device out, whatever it comes with, and close its connections')
    .argument('<name>')
    .action(async (device: string) => {
      const config = await load()
      await openDevices(config.dataDir).revoke(device, { mayBeUnknown: takesGuests(config) })
      terminal.print(`${device} is revoked`)
    })
}

/** Whether devices come with what others vouch for, so that the store need not know them. */
function takesGuests({ auth, tls }: GatewayConfig): boolean {
  return typeof auth === 'object' || tls?.clientCa !== undefined
}

/** Empty where nothing was counted yet, or what was cannot be read from here. */
async function lastSeenIn(dataDir: string): Promise<ReadonlyMap<string, string>> {
  let ledger: LedgerStore | undefined
  try {
    ledger = await LedgerStore.look(dataDir)
    return await ledger.lastSeen()
  } catch {
    return new Map()
  } finally {
    await ledger?.close()
  }
}

interface ShownDevice {
  readonly device: string
  readonly state: string
  readonly streams: string
  readonly groups: string
  readonly created: string
  /** Absent: never, or not known here. */
  readonly lastSeen?: string
}

function shown(
  { device, revoked, admin, streams, groups, created }: Device,
  seen: ReadonlyMap<string, string>
): ShownDevice {
  const state = revoked ? 'revoked' : admin ? 'admin' : 'active'
  const lastSeen = seen.get(device)
  return {
    device,
    state,
    streams: streams?.join(',') ?? 'all',
    groups: groups?.join(',') ?? 'none',
    created,
    ...(lastSeen === undefined ? {} : { lastSeen })
  }
}

const head = ['DEVICE', 'STATE', 'STREAMS', 'GROUPS', 'CREATED', 'LAST SEEN']

function table(devices: readonly ShownDevice[]): string {
  const rows = devices.map(({ device, state, streams, groups, created, lastSeen = '-' }) => {
    return [device, state, streams, groups, created, lastSeen]
  })
  return formatTable([head, ...rows])
}
