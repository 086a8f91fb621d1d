import { Command, Option } from 'commander'
import type { Terminal } from '../../shared/command-line.ts'
import { addPlaceFlags } from './agent-place.ts'
import type { LetterFlags } from './buffer/dead-letters.ts'
import type { ExportFlags } from './buffer/export.ts'
import type { LsFlags } from './buffer/ls.ts'
import type { PeekFlags } from './buffer/peek.ts'
import type { ReplayFlags } from './buffer/replay.ts'
import { wholeNumber } from './whole-number.ts'

/** `headwater-agent buffer`. What a command does is loaded when it is called. */
export function bufferCommand(terminal: Terminal): Command {
  return new Command('buffer')
    .description('look into the buffer of this machine, carry it away, deal with dead letters')
    .addCommand(lsCommand(terminal))
    .addCommand(peekCommand(terminal))
    .addCommand(exportCommand(terminal))
    .addCommand(replayCommand(terminal))
    .addCommand(dlqCommand(terminal))
}

function lsCommand(terminal: Terminal): Command {
  return addPlaceFlags(new Command('ls'))
    .description('what waits, what was lost, what was refused; the agent may run')
    .option('--cursors', 'how far the sources have come, too')
    .option('--json', 'print JSON')
    .action(async (flags: LsFlags) => (await import('./buffer/ls.ts')).ls(flags, terminal))
}

function peekCommand(terminal: Terminal): Command {
  return addPlaceFlags(new Command('peek'))
    .description('print records that wait; the agent may run')
    .option('--stream <name>', 'only of this stream')
    .option('--limit <n>', 'end after so many records', wholeNumber('--limit', 1), 10)
    .addOption(new Option('--from <end>').choices(['oldest', 'newest']).default('oldest'))
    .addOption(
      new Option('--format <form>', 'ndjson: one record a line; raw: its text')
        .choices(['ndjson', 'raw'])
        .default('ndjson')
    )
    .option('--decode', 'with ndjson: add text or json beside the bytes in base64')
    .action(async (flags: PeekFlags) => (await import('./buffer/peek.ts')).peek(flags, terminal))
}

function exportCommand(terminal: Terminal): Command {
  return addPlaceFlags(new Command('export'))
    .description('write what waits to files that can be carried; the agent may run')
    .requiredOption('--to <path>', 'directory, or name of the files')
    .option('--stream <name>', 'only this stream')
    .option('--until <time>', 'only what was stored before (ISO 8601 or ms)')
    .option('--and-release', 'let go of it once it is written and read back; the agent is stopped')
    .option('--device <id>', 'whose records these are, when no configuration file says it')
    .option('--file-size <size>', 'begin a new file at this size; FAT takes 4 GiB', '1 GiB')
    .action(async (flags: ExportFlags) =>
      (await import('./buffer/export.ts')).exportBuffer(flags, terminal)
    )
}

function replayCommand(terminal: Terminal): Command {
  return new Command('replay')
    .description('send exported files to a gateway, from any machine')
    .argument('<files...>', 'files of an export, or directories that hold them')
    .requiredOption('--to <url>', 'gateway: http(s)://… or mqtt(s)://…')
    .option('--token-file <file>', 'file that holds the token of the device')
    .option('--skip-missing', 'send what follows a hole: the device is gone, nobody has the rest')
    .option('--ca <file>', 'PEM of the authority to trust instead of those of the system')
    .action(async (files: string[], flags: ReplayFlags) =>
      (await import('./buffer/replay.ts')).replayExport(files, flags, terminal)
    )
}

function dlqCommand(terminal: Terminal): Command {
  const load = () => import('./buffer/dead-letters.ts')
  const command = (name: string, description: string) =>
    addPlaceFlags(new Command(name))
      .description(description)
      .option('--stream <name>', 'only of this stream')
      .option('--code <code>', 'only what was refused with this')
      .option('--id <id>', 'only this one; again for more', collectIds)
  return new Command('dlq')
    .description('dead letters: records that the gateway refused for good')
    .addCommand(
      command('ls', 'count them by stream and code; the agent may run')
        .option('--json', 'print JSON')
        .action(async (flags: LetterFlags) => (await load()).listLetters(flags, terminal))
    )
    .addCommand(
      command('show', 'print them with the reason; the agent may run')
        .option('--json', 'one record a line')
        .action(async (flags: LetterFlags) => (await load()).showLetters(flags, terminal))
    )
    .addCommand(
      command(
        'replay',
        'put them into the buffer again, under new numbers; the agent is stopped'
      ).action(async (flags: LetterFlags) => (await load()).replayDeadLetters(flags, terminal))
    )
    .addCommand(
      command('drop', 'throw them away and count them as lost; the agent is stopped')
        .option('--all', 'every one')
        .action(async (flags: LetterFlags) => (await load()).dropDeadLetters(flags, terminal))
    )
}

function collectIds(text: string, before: readonly number[] = []): readonly number[] {
  return [...before, wholeNumber('--id', 1)(text)]
}
