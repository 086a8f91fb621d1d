import { Command } from 'commander'
import { processTerminal, runCommandLine } from '../shared/command-line.ts'
import { checkCommand } from '../shared/config/config-command.ts'
import { agentConfigSpec } from './commands/config-spec.ts'
import { runCommand } from './commands/run.ts'

const terminal = processTerminal()
const program = new Command('headwater-agent')
  .description('Reads telemetry into a durable buffer and sends it to a gateway.')
  .addCommand(runCommand(terminal))
  .addCommand(checkCommand(agentConfigSpec, terminal))

process.exit(await runCommandLine(program, process.argv))
