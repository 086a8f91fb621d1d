import { Command } from 'commander'
import { processTerminal, runCommandLine } from '../shared/command-line.ts'
import { checkCommand } from '../shared/config/config-command.ts'
import { remoteConfigCommand } from './commands/config.ts'
import { gatewayCheckSpec } from './commands/config-spec.ts'
import { devicesCommand } from './commands/devices.ts'
import { runCommand } from './commands/run.ts'

const terminal = processTerminal()
const program = new Command('headwater-gateway')
  .description('Takes records over HTTP and MQTT and keeps them in streams.')
  .addCommand(runCommand(terminal))
  .addCommand(checkCommand(gatewayCheckSpec, terminal))
  .addCommand(devicesCommand(terminal))
  .addCommand(remoteConfigCommand(terminal))

process.exit(await runCommandLine(program, process.argv))
