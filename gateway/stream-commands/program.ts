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

/** The command line `headwater-stream`, a client of the gateway's HTTP interface. */
export function streamProgram(context: StreamContext): Command {
  const program = new Command('headwater-stream')
    .description('Makes, reads and writes streams of a Headwater gateway.')
    .option('--gateway <url>', 'the gateway', 'http://127.0.0.1:8080')
    .option('--token-file <path>', 'file with the token of a device')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text)
    })
  for (const add of commands) add(program, context)
  return program
}
