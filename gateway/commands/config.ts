import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { systemClock } from '../../shared/clock.ts'
import type { Terminal } from '../../shared/command-line.ts'
import { configCommand } from '../../shared/config/config-command.ts'
import { HeadwaterError } from '../../shared/errors.ts'
import { formatTable } from '../../shared/format-table.ts'
import type { ConfigStatus } from '../remote-config/config-status.ts'
import { RemoteConfigs } from '../remote-config/remote-configs.ts'
import { gatewayConfigSpec } from './config-spec.ts'
import { keygenCommand, signCommand } from './config-sign.ts'

/** Only what says where the configurations are kept. */
const spec = {
  ...gatewayConfigSpec,
  flags: gatewayConfigSpec.flags.filter((one) => one.flag.startsWith('--data-dir'))
}

/** `headwater-gateway config keygen|sign|set|list|status`; a gateway that runs follows at once. */
export function remoteConfigCommand(terminal: Terminal): Command {
  return new Command('config')
    .description('what agents are told to do: configurations that you signed')
    .addCommand(keygenCommand(terminal))
    .addCommand(signCommand(terminal, systemClock))
    .addCommand(setCommand(terminal))
    .addCommand(listCommand(terminal))
    .addCommand(statusCommand(terminal))
}

function setCommand(terminal: Terminal): Command {
  const { command, load } = configCommand('set', spec, terminal)
  return command
    .description('hand out a signed configuration to those it is signed for')
    .argument('<file>', 'what "config sign" printed')
    .action(async (file: string) => {
      const text = await readFile(file, 'utf8').catch((cause: unknown) => {
        throw new HeadwaterError('config', `${file}: cannot be read: ${String(cause)}`, { cause })
      })
      const { target, version } = await (await openStore(load)).set(text)
      terminal.print(`version ${version} is set for ${target}`)
    })
}

function listCommand(terminal: Terminal): Command {
  const { command, load } = configCommand('list', spec, terminal)
  return command
    .description('list what is set')
    .option('--json', 'print JSON')
    .action(async (options: { json?: true }) => {
      const configs = await (await openStore(load)).list()
      const rows = configs.map(({ target, version, keyId, config }) => ({
        target,
        version,
        key: keyId,
        bytes: Buffer.byteLength(config)
      }))
      if (options.json) return terminal.print(JSON.stringify(rows, null, 2))
      terminal.print(
        formatTable([
          ['FOR', 'VERSION', 'KEY', 'BYTES'],
          ...rows.map((one) => [one.target, `${one.version}`, one.key, `${one.bytes}`])
        ])
      )
    })
}

function statusCommand(terminal: Terminal): Command {
  const { command, load } = configCommand('status', spec, terminal)
  return command
    .description('show what became of it on the devices; of one device with the whole reason')
    .argument('[device]')
    .option('--json', 'print JSON')
    .action(async (device: string | undefined, options: { json?: true }) => {
      const all = [...(await (await openStore(load)).statuses())]
      const statuses = all.filter(([name]) => device === undefined || name === device)
      if (device !== undefined && statuses.length === 0) {
        throw new HeadwaterError('not_found', `device "${device}" has not reported yet`)
      }
      if (options.json) {
        const rows = statuses.map(([name, status]) => ({ device: name, ...status }))
        return terminal.print(JSON.stringify(rows, null, 2))
      }
      terminal.print(statusTable(statuses))
      if (device !== undefined) {
        for (const [, { error }] of statuses) if (error) terminal.print(`\n${error}`)
      }
    })
}

async function openStore(load: () => Promise<{ readonly dataDir: string }>) {
  return new RemoteConfigs((await load()).dataDir)
}

function statusTable(statuses: readonly (readonly [string, ConfigStatus])[]): string {
  return formatTable([
    ['DEVICE', 'STATE', 'VERSION', 'IN FORCE', 'SINCE', 'REASON'],
    ...statuses.map(([device, { state, version, inForce, at, error }]) => [
      device,
      state,
      `${version ?? '-'}`,
      `${inForce ?? 'own file'}`,
      at,
      error?.split('\n', 1)[0] ?? ''
    ])
  ])
}
