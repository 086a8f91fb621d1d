import { ageText, bytesText, countText, rateText, unknown } from '../../shared/quantities.ts'
import type { BufferOverview, LinkOverview, Overview, SourceOverview } from './overview.ts'
import { field, type Line, wrapped } from './wrapped.ts'

/** The overview as lines of at most `columns` characters. */
export function viewOf(overview: Overview, columns: number): readonly Line[] {
  const { device, gateways, link, buffer } = overview
  const head: Line = { text: `${device} -> ${gateways.join(', ')}`, tone: 'strong' }
  const fields: Line[] = [
    { text: field('agent', agentText(overview)) },
    { text: field('link', linkText(link)), ...alarmIf(link.state !== 'connected') },
    ...link.heldStreams.map((held): Line => ({ text: field('refused', held), tone: 'alarm' })),
    ...link.waitingStreams.map((waiting) => ({ text: field('waiting', waiting) })),
    { text: field('rate', ratesText(overview)) },
    { text: field('backlog', backlogText(buffer)), ...alarmIf(buffer.inMemory) },
    { text: field('lost', lossText(buffer)), ...alarmIf(buffer.lostRecords > 0) },
    { text: field('data use', dataUseText(link)) },
    { text: field('wear', wearText(buffer)) }
  ]
  return [head, ...fields]
    .flatMap((one) => wrapped(one, columns))
    .concat({ text: '' })
    .concat(sourceTable(overview.sources, columns))
    .map(({ text, ...tone }) => ({ text: text.slice(0, columns), ...tone }))
}

function alarmIf(isAlarm: boolean): Pick<Line, 'tone'> {
  return isAlarm ? { tone: 'alarm' } : {}
}

function agentText({ uptimeSeconds, memoryBytes, clock }: Overview): string {
  const up = `up ${ageText(uptimeSeconds)}, memory ${bytesText(memoryBytes)}`
  return `${up}, clock ${clock ?? unknown}`
}

function linkText({ state, lastAckAgeSeconds, inFlightFrames, retries }: LinkOverview): string {
  const acked =
    lastAckAgeSeconds === undefined ? '' : `, last ack ${ageText(lastAckAgeSeconds)} ago`
  return `${state}${acked}, ${countText(inFlightFrames)} in flight, ${countText(retries)} retries`
}

function ratesText({ link, buffer }: Overview): string {
  const stored = `stored ${rateText(buffer.storedPerSecond)}/s, acked ${rateText(link.ackedPerSecond)}/s`
  return `${stored}, sent ${bytesText(link.sentBytesPerSecond)}/s`
}

function backlogText(buffer: BufferOverview): string {
  const { inMemory, backlogRecords, backlogBytes, oldestUnsentSeconds } = buffer
  const waiting = `${countText(backlogRecords)} records, ${bytesText(backlogBytes)} on disk`
  const oldest = backlogRecords ? `, oldest ${ageText(oldestUnsentSeconds)}` : ''
  const memory = inMemory ? ', THE DISK IS UNUSABLE: new records wait in memory' : ''
  return `${waiting}${oldest}${memory}`
}

function lossText({ lostRecords, deadLetters }: BufferOverview): string {
  return `${countText(lostRecords)} records, ${countText(deadLetters)} in the dead letters`
}

function dataUseText(link: LinkOverview): string {
  const { projectedMonthBytes, leftOfDayBytes, leftOfMonthBytes, metered } = link
  return [
    projectedMonthBytes === undefined
      ? 'projected after an hour'
      : `${bytesText(projectedMonthBytes)} a month at this rate`,
    ...(leftOfDayBytes === undefined ? [] : [`${bytesText(leftOfDayBytes)} left today`]),
    ...(leftOfMonthBytes === undefined ? [] : [`${bytesText(leftOfMonthBytes)} left this month`]),
    ...(metered ? ['metered'] : [])
  ].join(', ')
}

function wearText({ wear }: BufferOverview): string {
  return `${wear === undefined ? unknown : wear.toFixed(2)} bytes written for a byte of records`
}

interface Column {
  readonly head: string
  readonly cell: (source: SourceOverview) => string
  /** Shown where this is known of any source; absent: always. */
  readonly of?: (source: SourceOverview) => number | undefined
}

/** The first are shown in the narrowest terminal. */
const sourceColumns: readonly Column[] = [
  { head: 'RECORDS/S', cell: (source) => rateText(source.recordsPerSecond) },
  { head: 'BYTES/S', cell: (source) => bytesText(source.bytesPerSecond) },
  { head: 'RECORDS', cell: (source) => countText(source.records) },
  { head: 'PROBLEMS', cell: (source) => countText(source.problems) },
  {
    head: 'BEHIND',
    cell: (source) => bytesText(source.behindBytes),
    of: (source) => source.behindBytes
  },
  { head: 'LEFT OUT', cell: (source) => countText(source.leftOut), of: (source) => source.leftOut },
  { head: 'RESTARTS', cell: (source) => countText(source.restarts) }
]

/** So that columns do not move with every digit. */
const leastColumn = 10

function sourceTable(sources: readonly SourceOverview[], columns: number): Line[] {
  const names = ['SOURCE', ...sources.map(({ source }) => source)]
  const longest = Math.max(...names.map((name) => name.length))
  const nameWidth = Math.min(longest, Math.max(8, Math.floor(columns / 4)))
  const rows = names.map((name) => shortened(name, nameWidth).padEnd(nameWidth))
  for (const { head, cell, of } of sourceColumns) {
    if (of && sources.every((source) => of(source) === undefined)) continue
    const cells = [head, ...sources.map(cell)]
    const width = Math.max(leastColumn, ...cells.map((text) => text.length + 2))
    if ((rows[0] ?? '').length + width > columns) break
    for (const [i, text] of cells.entries()) rows[i] += text.padStart(width)
  }
  return rows.map((text, i) => (i === 0 ? { text, tone: 'strong' } : { text }))
}

/** Names often differ at their end. */
function shortened(name: string, width: number): string {
  if (name.length <= width) return name
  const end = Math.floor(width / 2)
  return `${name.slice(0, width - end - 1)}~${name.slice(name.length - end)}`
}
