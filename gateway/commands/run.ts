import type { Command } from 'commander'
import { systemClock } from '../../shared/clock.ts'
import type { Terminal } from '../../shared/command-line.ts'
import { configCommand } from '../../shared/config/config-command.ts'
import { HangUps } from '../../shared/hang-ups.ts'
import { createLog } from '../../shared/log.ts'
import { probeDisk } from '../../shared/probe-disk.ts'
import { systemRandom } from '../../shared/random.ts'
import { runUntilSignal } from '../../shared/run-until-signal.ts'
import { gatewayConfigSpec } from './config-spec.ts'

const drainMs = 10_000

/** `headwater-gateway run` */
export function runCommand(terminal: Terminal): Command {
  const { command, load } = configCommand('run', gatewayConfigSpec, terminal)
  return command.description('accept records and keep them in streams').action(async () => {
    const hangUps = new HangUps(terminal)
    const config = await load()
    const clock = systemClock
    const log = createLog('headwater-gateway', config.log.level)
    // Loaded when the configuration is known to be good, so that a mistake shows at once.
    const { Gateway } = await import('../gateway.ts')
    const gateway = new Gateway(config, { clock, random: systemRandom, log })
    const reload = async () => gateway.reload(await load())
    const probe = () => probeDisk(config.dataDir)
    await runUntilSignal(gateway, { terminal, clock, log, drainMs, hangUps, reload, probe })
  })
}
