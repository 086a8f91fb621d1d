import { pipeline } from 'node:stream/promises'
import { type Command, Option } from 'commander'
import { Fields } from '../../shared/wire/fields.ts'
import { wholeNumber } from './arguments.ts'
import type { AddCommand, StreamContext } from './context.ts'
import { withPlace } from './open-place.ts'
import type { ReadChoices } from './stream-place.ts'

type Format = 'ndjson' | 'raw'

interface ReadOptions {
  readonly from: string
  readonly shard?: string
  readonly follow?: boolean
  readonly limit?: number
  readonly format: Format
  readonly decode?: boolean
}

export const addRead: AddCommand = (program, context) => {
  program
    .command('read <stream>')
    .description('print the records of a stream')
    .option('--from <where>', 'start, end, a time (ISO 8601 or ms), a sequence number', 'start')
    .option('--shard <id>', 'only this shard')
    .option('--follow', 'wait for more')
    .option('--limit <count>', 'stop after so many records', wholeNumber)
    .addOption(
      new Option('--format <format>', 'ndjson: one record a line; raw: its bytes and a newline')
        .choices(['ndjson', 'raw'])
        .default('ndjson')
    )
    .option('--decode', 'with ndjson: add text or json beside the bytes in base64')
    .action((stream: string, options: ReadOptions, command: Command) =>
      withPlace(command, context, async (place) => {
        const { signal } = context
        try {
          const batches = place.read(stream, choicesOf(options, signal))
          await copy(batches, options.format, context)
        } catch (error) {
          if (!(signal.aborted && options.follow) && !hadEnough(error)) throw error
        }
      })
    )
}

/** Whoever reads our output closed it, as `head` does. */
function hadEnough(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === 'EPIPE'
}

function choicesOf(
  { from, shard, follow = false, limit, decode = false }: ReadOptions,
  signal: AbortSignal
): ReadChoices {
  return {
    from,
    follow,
    decode,
    signal,
    ...(shard === undefined ? {} : { shard }),
    ...(limit === undefined ? {} : { limit })
  }
}

/** Copies records at the pace of whoever reads them. */
async function copy(
  batches: AsyncIterable<readonly Buffer[]>,
  format: Format,
  { stdout, signal }: StreamContext
): Promise<void> {
  const source = async function* () {
    for await (const lines of batches) {
      yield Buffer.concat(lines.flatMap((line) => [bytesOf(line, format), newline]))
    }
  }
  await pipeline(source, stdout, { end: false, signal })
}

const newline = Buffer.from('\n')

function bytesOf(line: Buffer, format: Format): Buffer {
  if (format === 'ndjson') return line
  return Buffer.from(new Fields(JSON.parse(line.toString()), 'record').text('data'), 'base64')
}
