import { Command } from 'commander'
import { processTerminal, runCommandLine } from '../shared/command-line.ts'
import { checkCommand } from '../shared/config/config-command.ts'
import { withCredentials } from './commands/agent-place.ts'
import { bufferCommand } from './commands/buffer.ts'
import { agentConfigSpec } from './commands/config-spec.ts'
import { doctorCommand } from './commands/doctor.ts'
import { initCommand } from './commands/init.ts'
import { runCommand } from './commands/run.ts'
import { tapCommand } from './commands/tap.ts'
import { testCommand } from './commands/test.ts'
import { topCommand } from './commands/top.ts'

const terminal = processTerminal(withCredentials(process.env))
const program = new Command('headwater-agent')
  .description('Reads telemetry into a durable buffer and sends it to a gateway.')
  .addCommand(runCommand(terminal))
  .addCommand(initCommand(terminal))
  .addCommand(checkCommand(agentConfigSpec, terminal))
  .addCommand(testCommand(terminal))
  .addCommand(bufferCommand(terminal))
  .addCommand(tapCommand(terminal))
  .addCommand(topCommand(terminal))
  .addCommand(doctorCommand(terminal))

process.exit(await runCommandLine(program, process.argv))
