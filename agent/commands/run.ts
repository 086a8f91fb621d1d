import type { Command } from 'commander'
import { systemClock } from '../../shared/clock.ts'
import type { Terminal } from '../../shared/command-line.ts'
import { configCommand } from '../../shared/config/config-command.ts'
import { createLog } from '../../shared/log.ts'
import { probeDisk } from '../../shared/probe-disk.ts'
import { systemRandom } from '../../shared/random.ts'
import { runUntilSignal } from '../../shared/run-until-signal.ts'
import { agentConfigSpec } from './config-spec.ts'

const drainMs = 10_000

/** `headwater-agent run` */
export function runCommand(terminal: Terminal): Command {
  const { command, load } = configCommand('run', agentConfigSpec, terminal)
  return command.description('read the sources and send their records').action(async () => {
    const config = await load()
    const clock = systemClock
    const log = createLog('headwater-agent', config.log.level)
    // Loaded when the configuration is known to be good, so that a mistake shows at once.
    const { Agent } = await import('../agent.ts')
    const stdin = () => terminal.stdin()
    const environment = terminal.env
    const dependencies = { clock, random: systemRandom, log, stdin, environment }
    const agent = new Agent(config, dependencies)
    await runUntilSignal(agent, {
      terminal,
      clock,
      log,
      drainMs,
      reload: async () => agent.reload(await load()),
      probe: () => probeDisk(config.dataDir),
      until: (signal) => agent.finished(signal)
    })
  })
}
