import { systemClock } from '../../../shared/clock.ts'
import type { Terminal } from '../../../shared/command-line.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { createLog } from '../../../shared/log.ts'
import { systemRandom } from '../../../shared/random.ts'
import type { SqliteBuffer } from '../../buffer/sqlite-buffer.ts'
import {
  columnsOf,
  dropLetters,
  type LetterFilter,
  lettersOf,
  replayLetters
} from '../../carry/replay-letters.ts'
import type { FoundLetter } from '../../carry/letter-marks.ts'
import { printable } from '../../../shared/printable.ts'
import { many } from '../../../shared/quantities.ts'
import { createClock } from '../../create-clock.ts'
import type { PlaceFlags } from '../agent-place.ts'
import { letterGroups, letterTable } from './letter-groups.ts'
import { recordLines } from './record-lines.ts'
import { timeText } from './time-text.ts'
import { withOwnBuffer } from './with-own-buffer.ts'
import { withView } from './with-view.ts'

export interface LetterFlags extends PlaceFlags {
  readonly stream?: string
  readonly code?: string
  readonly id?: readonly number[]
  readonly json?: true
  readonly all?: true
}

/** `headwater-agent buffer dlq ls` */
export function listLetters(flags: LetterFlags, terminal: Terminal): Promise<void> {
  return withView(flags, terminal, async (view) => {
    const groups = await letterGroups(view, filterOf(flags))
    if (flags.json) terminal.print(JSON.stringify(groups, null, 2))
    else terminal.print(groups.length === 0 ? 'No dead letters.' : letterTable(groups))
  })
}

/** `headwater-agent buffer dlq show`: each letter with its records. */
export function showLetters(flags: LetterFlags, terminal: Terminal): Promise<void> {
  return withView(flags, terminal, async (view) => {
    let shown = 0
    for await (const found of lettersOf(view, filterOf(flags))) {
      shown += 1
      for (const line of await linesOf(found, flags.json === true)) terminal.print(line)
    }
    if (shown === 0 && !flags.json) terminal.print('No dead letters.')
  })
}

/** `headwater-agent buffer dlq replay` */
export async function replayDeadLetters(flags: LetterFlags, terminal: Terminal): Promise<void> {
  await withStoppedAgent(flags, terminal, async (buffer) => {
    const done = await replayLetters(buffer, filterOf(flags), systemClock)
    const { letters, records, unreadable } = done
    terminal.print(
      letters === 0
        ? 'No dead letter was replayed.'
        : `${many(records, 'record')} of ${many(letters, 'letter')} wait in the buffer again, under new numbers; start the agent to send them.`
    )
    if (unreadable.length === 0) return
    const ids = unreadable.map(({ id }) => `#${id}`).join(', ')
    throw new HeadwaterError('store_corrupt', `${ids} cannot be replayed: the bytes are no frame`)
  })
}

/** `headwater-agent buffer dlq drop` */
export async function dropDeadLetters(flags: LetterFlags, terminal: Terminal): Promise<void> {
  const filter = filterOf(flags)
  if (!flags.all && Object.values(filter).every((one) => one === undefined)) {
    const message = 'which dead letters? give --stream, --code or --id, or --all for every one'
    throw new HeadwaterError('config', message)
  }
  await withStoppedAgent(flags, terminal, async (buffer) => {
    const { letters, records, replayedRecords } = await dropLetters(buffer, filter, systemClock)
    const what = `${many(records, 'record')} of ${many(letters, 'letter')}`
    terminal.print(`${what} dropped for good, and counted as lost (dead_letter_dropped).`)
    if (replayedRecords === 0) return
    const again = `${many(replayedRecords, 'record')} stay: a replay that broke off had put them into the buffer again`
    terminal.print(`${again}. Only their letters were removed.`)
  })
}

function withStoppedAgent(
  flags: LetterFlags,
  terminal: Terminal,
  work: (buffer: SqliteBuffer) => Promise<void>
): Promise<void> {
  const log = createLog('headwater-agent', 'silent')
  const system = { clock: systemClock, random: systemRandom, log, environment: terminal.env }
  return withOwnBuffer({ flags, terminal, time: createClock(system).time }, work)
}

function filterOf({ stream, code, id: ids }: LetterFlags): LetterFilter {
  return { stream, code, ids }
}

/** Bytes shown of a letter that is no frame. */
const shownBytes = 256

async function linesOf({ id, letter }: FoundLetter, json: boolean): Promise<string[]> {
  const { stream, epoch, code, reason, parkedMs, body } = letter
  const seqs = letter.seqs.flatMap(([from, to]) =>
    Array.from({ length: to - from + 1 }, (_, i) => from + i)
  )
  const facts = { stream, epoch, seqs }
  const columns = await columnsOf(letter)
  const line = columns && recordLines(columns, { format: 'ndjson', decode: true, ...facts })
  const records = columns && line ? Array.from(columns.lens.keys()).map(line) : []
  const about = { id, code, reason, parked: timeText(parkedMs) }
  if (json && records.length > 0) {
    return records.map((one) => `${JSON.stringify(about).slice(0, -1)},${one.slice(1)}`)
  }
  if (json) return [JSON.stringify({ ...about, stream, epoch, data: body.toString('base64') })]
  const head = `#${id}  ${stream}  ${many(seqs.length, 'record')}  ${code}  parked ${timeText(parkedMs)}\n    ${printable(reason)}`
  if (records.length > 0) return [head, ...records.map((one) => `    ${one}`)]
  const beginning = body.subarray(0, shownBytes).toString('hex')
  return [head, `    ${body.length} bytes that are no frame, in hexadecimal: ${beginning}`]
}
