import { Command } from 'commander'
import type { AddCommand, StreamContext } from './context.ts'
import { addPut } from './put.ts'
import { addRead } from './read.ts'
import { addCreate, addDelete, addDescribe, addList, addMerge, addSplit } from './streams.ts'

const commands: readonly AddCommand[] = [
  addCreate,
  addList,
  addDescribe,
  addSplit,
  addMerge,
  addDelete,
  addPut,
  addRead
]

/** The command line `headwater-stream`, a client of a gateway's HTTP interface or of any Kinesis. */
export function streamProgram(context: StreamContext): Command {
  const program = new Command('headwater-stream')
    .description('Makes, reads and writes streams of a Headwater gateway or of a Kinesis.')
    .option('--gateway <url>', 'the gateway', 'http://127.0.0.1:8080')
    .option('--token-file <path>', 'file with the token of a device')
    .option('--endpoint <url>', 'a Kinesis to work on directly, with no gateway')
    .option('--region <region>', 'its region; else that of the URL or of the environment')
    .option('--profile <name>', 'profile of the AWS configuration files')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text)
    })
  for (const add of commands) add(program, context)
  return program
}
