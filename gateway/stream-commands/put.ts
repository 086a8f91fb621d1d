import type { Command } from 'commander'
import { HeadwaterError } from '../../shared/errors.ts'
import type { AddCommand, StreamContext } from './context.ts'
import { LineSplitter } from './line-splitter.ts'
import { withPlace } from './open-place.ts'
import type { LineWriter } from './stream-place.ts'

interface PutOptions {
  readonly key?: string
  readonly data?: string
  readonly plain?: boolean
}

export const addPut: AddCommand = (program, context) => {
  program
    .command('put <stream>')
    .description('write records: one with --data, else each line of standard input')
    .option('--key <key>', 'partition key')
    .option('--data <text>', 'the record')
    .option('--plain', 'with --endpoint: one stream record each, not aggregated')
    .action((stream: string, { key, data, plain = false }: PutOptions, command: Command) =>
      withPlace(command, context, async (place) => {
        const writer = place.write(stream, { plain, ...(key === undefined ? {} : { key }) })
        if (data !== undefined) await writer.write([Buffer.from(data)])
        else await writeLines(context, writer)
        context.stderr.write(`${writer.written} records written\n`)
      })
    )
}

/** What one read of standard input brings is one batch, so that nothing waits for a batch to fill. */
async function writeLines({ stdin, signal }: StreamContext, writer: LineWriter): Promise<void> {
  const splitter = new LineSplitter()
  for await (const chunk of stdin) {
    const lines = splitter.push(Buffer.from(chunk))
    if (lines.length > 0) await writer.write(lines)
    if (signal.aborted) throw new HeadwaterError('unavailable', 'interrupted')
  }
  const rest = splitter.end()
  if (rest.length > 0) await writer.write(rest)
}
