import { Command, Option } from 'commander'
import { endSignal, type Terminal } from '../../shared/command-line.ts'
import { HeadwaterError } from '../../shared/errors.ts'
import { addPlaceFlags, dataDirOf, type PlaceFlags } from './agent-place.ts'
import { wholeNumber } from './whole-number.ts'

interface TapFlags extends PlaceFlags {
  readonly source?: string
  readonly before?: true
  readonly after?: true
  readonly both?: true
  readonly limit?: number
  readonly format: 'ndjson' | 'text'
}

/** `headwater-agent tap` */
export function tapCommand(terminal: Terminal): Command {
  return addPlaceFlags(new Command('tap'))
    .description('show the records of a running agent as they pass')
    .option('--source <name>', 'only of this source')
    .option('--before', 'as the source gives them, before its transforms')
    .option('--after', 'as they are stored, after its transforms (the default)')
    .option('--both', 'before and after')
    .option('--limit <n>', 'end after so many records', wholeNumber('--limit', 1))
    .addOption(new Option('--format <form>').choices(['text', 'ndjson']).default('text'))
    .action((flags: TapFlags) => tap(flags, terminal))
}

async function tap(flags: TapFlags, terminal: Terminal): Promise<void> {
  const { source, limit = Number.POSITIVE_INFINITY } = flags
  const [{ ControlClient }, { tapLine }] = await Promise.all([
    import('../control/control-client.ts'),
    import('../control/tap-line.ts')
  ])
  const client = new ControlClient(dataDirOf(flags, terminal))
  const { sources, device } = await client.status()
  if (source !== undefined && !sources.includes(source)) {
    const known = sources.join(', ')
    throw new HeadwaterError(
      'config',
      `--source: the agent has no source ${source}; it has ${known}`
    )
  }
  const isBoth = flags.both || (flags.before && flags.after)
  const side = isBoth ? 'both' : flags.before ? 'before' : 'after'
  const query = new URLSearchParams({ side, ...(source === undefined ? {} : { source }) })
  const closed = new AbortController()
  terminal.onOutputClosed?.(() => closed.abort())
  const end = AbortSignal.any([endSignal(terminal), closed.signal])
  let shown = 0
  for await (const line of client.tap(query, end)) {
    const { text, isRecord } = tapLine(line, { format: flags.format, device })
    terminal.print(text)
    if (isRecord) shown += 1
    if (shown >= limit) return
  }
}
