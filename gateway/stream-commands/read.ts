import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Command, Option } from 'commander'
import { HeadwaterError } from '../../shared/errors.ts'
import { Fields } from '../../shared/wire/fields.ts'
import { wholeNumber } from './arguments.ts'
import { type AddCommand, gatewayOf, type StreamContext, streamPath } from './context.ts'
import { LineSplitter } from './line-splitter.ts'

interface ReadOptions {
  readonly from: string
  readonly shard?: string
  readonly follow?: true
  readonly limit?: number
  readonly format: 'ndjson' | 'raw'
  readonly decode?: true
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
    .action(async (stream: string, options: ReadOptions, command: Command) => {
      const { signal } = context
      const path = `${streamPath(stream)}/records?${queryOf(options).toString()}`
      try {
        const body = await (await gatewayOf(command)).open(path, { signal })
        await copy(body, options, context)
      } catch (error) {
        if (!(signal.aborted && options.follow) && !hadEnough(error)) throw error
      }
    })
}

/** Whoever reads our output closed it, as `head` does. */
function hadEnough(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === 'EPIPE'
}

function queryOf({ from, shard, follow, limit, decode }: ReadOptions): URLSearchParams {
  return new URLSearchParams({
    from,
    ...(shard === undefined ? {} : { shard }),
    ...(limit === undefined ? {} : { limit: String(limit) }),
    ...(follow ? { follow: 'true' } : {}),
    ...(decode ? { decode: 'true' } : {})
  })
}

/** Copies records at the pace of whoever reads them. Rejects with `transport` when the gateway goes. */
async function copy(body: Readable, options: ReadOptions, context: StreamContext): Promise<void> {
  let records = 0
  const source = async function* () {
    const splitter = new LineSplitter()
    try {
      for await (const chunk of body) {
        const lines = splitter.push(chunk).filter((line) => line.length > 0)
        if (lines.length === 0) continue
        records += lines.length
        yield Buffer.concat(lines.flatMap((line) => [bytesOf(line, options.format), newline]))
      }
    } catch (cause) {
      if (cause instanceof HeadwaterError) throw cause
      const message = `the connection broke after ${records} records: ${String(cause)}; read on with --from and the time of the last one`
      throw new HeadwaterError('transport', message, { cause })
    }
  }
  await pipeline(source, context.stdout, { end: false, signal: context.signal })
}

const newline = Buffer.from('\n')

function bytesOf(line: Buffer, format: 'ndjson' | 'raw'): Buffer {
  if (format === 'ndjson') return line
  return Buffer.from(new Fields(JSON.parse(line.toString()), 'record').text('data'), 'base64')
}
