import type { Command } from 'commander'
import { formatTable } from '../../shared/format-table.ts'
import { Fields } from '../../shared/wire/fields.ts'
import { wholeNumber } from './arguments.ts'
import type { AddCommand } from './context.ts'
import { withPlace } from './open-place.ts'

export const addCreate: AddCommand = (program, context) => {
  program
    .command('create <stream>')
    .description('make a stream')
    .option('--shards <count>', 'number of shards', wholeNumber, 4)
    .option('--retention-hours <hours>', 'how long records are kept', wholeNumber)
    .action((stream: string, options: { shards: number }, command: Command) =>
      withPlace(command, context, async (place) => {
        await place.create(stream, options)
        context.stdout.write(`${stream} made with ${options.shards} shards\n`)
      })
    )
}

export const addList: AddCommand = (program, context) => {
  program
    .command('list')
    .description('list the streams')
    .option('--json', 'as JSON')
    .action((options: { json?: true }, command: Command) =>
      withPlace(command, context, async (place) => {
        const streams = await place.list()
        context.stdout.write(
          options.json ? `${JSON.stringify(streams)}\n` : streams.map((one) => `${one}\n`).join('')
        )
      })
    )
}

export const addDescribe: AddCommand = (program, context) => {
  program
    .command('describe <stream>')
    .description('show the shards of a stream')
    .option('--json', 'as JSON')
    .action((stream: string, options: { json?: true }, command: Command) =>
      withPlace(command, context, async (place) => {
        const answer = await place.describe(stream)
        context.stdout.write(options.json ? `${JSON.stringify(answer)}\n` : shardTable(answer))
      })
    )
}

export const addDelete: AddCommand = (program, context) => {
  program
    .command('delete <stream>')
    .description('delete a stream with all it holds')
    .action((stream: string, _options: object, command: Command) =>
      withPlace(command, context, async (place) => {
        await place.delete(stream)
        context.stdout.write(`${stream} deleted\n`)
      })
    )
}

export const addSplit: AddCommand = (program, context) => {
  program
    .command('split <stream>')
    .description('split a shard in two')
    .requiredOption('--shard <id>', 'the shard')
    .option('--at <hash>', 'first hash key of the upper half; the middle when absent')
    .action((stream: string, options: { shard: string; at?: string }, command: Command) =>
      withPlace(command, context, async (place) => {
        context.stdout.write(madeOf(await place.split(stream, options.shard, options.at)))
      })
    )
}

export const addMerge: AddCommand = (program, context) => {
  program
    .command('merge <stream>')
    .description('merge two neighbouring shards')
    .requiredOption('--shard <id>', 'one shard')
    .requiredOption('--with <id>', 'its neighbour')
    .action((stream: string, options: { shard: string; with: string }, command: Command) =>
      withPlace(command, context, async (place) => {
        context.stdout.write(madeOf(await place.merge(stream, options.shard, options.with)))
      })
    )
}

function madeOf(shards: readonly string[]): string {
  return `made ${shards.join(' and ')}\n`
}

function shardTable(answer: unknown): string {
  const rows = new Fields(answer, 'answer').array('shards').map((value) => {
    const shard = new Fields(value, 'shard')
    const state = shard.get('open') === true ? 'open' : 'closed'
    const parents = shard.array('parents').join(' ')
    return [shard.text('id'), state, shard.text('start'), shard.text('end'), parents]
  })
  const head = ['SHARD', 'STATE', 'FIRST HASH', 'LAST HASH', 'PARENTS']
  return `${formatTable([head, ...rows])}\n`
}
