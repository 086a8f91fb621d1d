import type { Command } from 'commander'
import { systemClock } from '../../shared/clock.ts'
import type { Terminal } from '../../shared/command-line.ts'
import { configCommand } from '../../shared/config/config-command.ts'
import type { Overlay } from '../../shared/config/overlay.ts'
import { HangUps } from '../../shared/hang-ups.ts'
import { createLog } from '../../shared/log.ts'
import { probeDisk } from '../../shared/probe-disk.ts'
import { systemRandom } from '../../shared/random.ts'
import { runUntilSignal } from '../../shared/run-until-signal.ts'
import type { Agent, AgentDependencies } from '../agent.ts'
import type { AgentConfig } from '../config.ts'
import type { RemoteConfig } from '../remote/remote.ts'
import { agentConfigSpec } from './config-spec.ts'

const drainMs = 10_000

/** `headwater-agent run` */
export function runCommand(terminal: Terminal): Command {
  const { command, load } = configCommand('run', agentConfigSpec, terminal)
  return command.description('read the sources and send their records').action(async () => {
    const hangUps = new HangUps(terminal)
    const config = await load()
    const clock = systemClock
    const log = createLog('headwater-agent', config.log.level)
    const stdin = () => terminal.stdin()
    const environment = terminal.env
    const dependencies = { clock, random: systemRandom, log, stdin, environment }
    const agent = await createAgent(config, load, dependencies)
    await runUntilSignal(agent, {
      terminal,
      clock,
      log,
      drainMs,
      hangUps,
      reload: async () => agent.reload(await load()),
      probe: () => probeDisk(config.dataDir),
      until: (signal) => agent.finished(signal)
    })
  })
}

/**
 * The agent, behind what brings its configuration from the gateway where the file says so. Loaded
 * when the configuration is known to be good, so that a mistake shows at once.
 */
async function createAgent(
  local: AgentConfig,
  load: (overlay: Overlay) => Promise<AgentConfig>,
  dependencies: AgentDependencies
): Promise<Agent | RemoteConfig> {
  const { Agent } = await import('../agent.ts')
  if (!local.remote) return new Agent(local, dependencies)
  const { RemoteConfig, RenewedAgent, StoredConfigs } = await import('../remote/remote.ts')
  const configs = new StoredConfigs({ local, load, ...dependencies })
  const start = await configs.begin()
  dependencies.log.level = start.config.log.level
  const agent = new RenewedAgent(start.config, (config) => new Agent(config, dependencies))
  return new RemoteConfig({ agent, configs, start, ...dependencies })
}
