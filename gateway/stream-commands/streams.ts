import type { Command } from 'commander'
import { Fields } from '../../shared/wire/fields.ts'
import { wholeNumber } from './arguments.ts'
import { type AddCommand, formatTable, gatewayOf, streamPath } from './context.ts'

export const addCreate: AddCommand = (program, { stdout }) => {
  program
    .command('create <stream>')
    .description('make a stream')
    .option('--shards <count>', 'number of shards', wholeNumber, 4)
    .option('--retention-hours <hours>', 'how long records are kept', wholeNumber)
    .action(async (stream: string, options: { shards: number }, command: Command) => {
      const client = await gatewayOf(command)
      await client.send('/v1/streams', { name: stream, ...options })
      stdout.write(`${stream} made with ${options.shards} shards\n`)
    })
}

export const addList: AddCommand = (program, { stdout }) => {
  program
    .command('list')
    .description('list the streams')
    .option('--json', 'as JSON')
    .action(async (options: { json?: true }, command: Command) => {
      const answer = await (await gatewayOf(command)).ask('/v1/streams')
      const streams = new Fields(answer, 'answer').array('streams').map(String)
      stdout.write(
        options.json ? `${JSON.stringify(streams)}\n` : formatTable(streams.map((one) => [one]))
      )
    })
}

export const addDescribe: AddCommand = (program, { stdout }) => {
  program
    .command('describe <stream>')
    .description('show the shards of a stream')
    .option('--json', 'as JSON')
    .action(async (stream: string, options: { json?: true }, command: Command) => {
      const answer = await (await gatewayOf(command)).ask(streamPath(stream))
      stdout.write(options.json ? `${JSON.stringify(answer)}\n` : shardTable(answer))
    })
}

export const addDelete: AddCommand = (program, { stdout }) => {
  program
    .command('delete <stream>')
    .description('delete a stream with all it holds')
    .action(async (stream: string, _options: object, command: Command) => {
      await (await gatewayOf(command)).ask(streamPath(stream), { method: 'DELETE' })
      stdout.write(`${stream} deleted\n`)
    })
}

export const addSplit: AddCommand = (program, { stdout }) => {
  program
    .command('split <stream>')
    .description('split a shard in two')
    .requiredOption('--shard <id>', 'the shard')
    .option('--at <hash>', 'first hash key of the upper half; the middle when absent')
    .action(async (stream: string, options: { shard: string; at?: string }, command: Command) => {
      const client = await gatewayOf(command)
      stdout.write(madeOf(await client.send(`${streamPath(stream)}/split`, options)))
    })
}

export const addMerge: AddCommand = (program, { stdout }) => {
  program
    .command('merge <stream>')
    .description('merge two neighbouring shards')
    .requiredOption('--shard <id>', 'one shard')
    .requiredOption('--with <id>', 'its neighbour')
    .action(async (stream: string, options: { shard: string; with: string }, command: Command) => {
      const client = await gatewayOf(command)
      const body = { shard: options.shard, neighbour: options.with }
      stdout.write(madeOf(await client.send(`${streamPath(stream)}/merge`, body)))
    })
}

function madeOf(answer: unknown): string {
  return `made ${new Fields(answer, 'answer').array('shards').join(' and ')}\n`
}

function shardTable(answer: unknown): string {
  const rows = new Fields(answer, 'answer').array('shards').map((value) => {
    const shard = new Fields(value, 'shard')
    const state = shard.get('open') === true ? 'open' : 'closed'
    const parents = shard.array('parents').join(' ')
    return [shard.text('id'), state, shard.text('start'), shard.text('end'), parents]
  })
  return formatTable([['SHARD', 'STATE', 'FIRST HASH', 'LAST HASH', 'PARENTS'], ...rows])
}
