import type { Command } from 'commander'
import type { Terminal } from '../../shared/command-line.ts'
import { configCommand } from '../../shared/config/config-command.ts'
import { HeadwaterError } from '../../shared/errors.ts'
import type { DeviceLedger } from '../admission/admission.ts'
import { LedgerStore } from '../admission/ledger-store.ts'
import { dataDirSpec } from './device-data.ts'

/** `headwater-gateway devices show` */
export function devicesShowCommand(terminal: Terminal): Command {
  const { command, load } = configCommand('show', dataDirSpec, terminal)
  return command
    .description('what came of a device, and what became of it, up to two seconds ago')
    .argument('<name>')
    .option('--json', 'print JSON')
    .action(async (device: string, options: { json?: true }) => {
      const { dataDir } = await load()
      const ledger = await readLedger(dataDir, device)
      terminal.print(options.json ? JSON.stringify(ledger, null, 2) : lines(ledger))
    })
}

async function readLedger(dataDir: string, device: string): Promise<DeviceLedger> {
  const store = await LedgerStore.look(dataDir)
  try {
    const ledger = await store.read(device)
    if (ledger) return ledger
    throw new HeadwaterError('not_found', `nothing ever came of a device "${device}"`)
  } finally {
    await store.close()
  }
}

function lines(ledger: DeviceLedger): string {
  const { device, received, stored, repeated, rejected, turnedAway, bytes } = ledger
  const { firstSeen, lastSeen, gaps } = ledger
  const rows: readonly (readonly [string, string | number])[] = [
    ['device', device],
    ['received', received],
    ['stored', stored],
    ['repeated', repeated],
    ...counts('rejected', rejected),
    ...counts('turned away', turnedAway),
    ['bytes', bytes],
    ['first seen', firstSeen],
    ['last seen', lastSeen],
    ...(gaps > 0
      ? [
          [
            'gaps',
            `${gaps}: times that the gateway was killed; the counts of its last seconds lack`
          ] as const
        ]
      : [])
  ]
  return rows.map(([name, value]) => `${name.padEnd(12)} ${value}`).join('\n')
}

function counts(name: string, byCode: Readonly<Record<string, number>>) {
  return Object.entries(byCode).map(([code, count]) => [name, `${count} ${code}`] as const)
}
