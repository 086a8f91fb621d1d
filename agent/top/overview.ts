import type { AgentStatus } from '../control/agent-status.ts'
import { Samples, sumOf } from './samples.ts'

/** How an agent does. What the agent does not tell, or what needs a moment before, is undefined. */
export interface Overview {
  readonly device: string
  readonly gateways: readonly string[]
  readonly uptimeSeconds: number | undefined
  readonly memoryBytes: number | undefined
  readonly clock: string | undefined
  readonly link: LinkOverview
  readonly buffer: BufferOverview
  readonly sources: readonly SourceOverview[]
}

export interface LinkOverview {
  readonly state: 'connected' | 'not connected' | 'no answer yet' | 'refused'
  readonly lastAckAgeSeconds: number | undefined
  readonly inFlightFrames: number | undefined
  readonly retries: number | undefined
  readonly sentBytesPerSecond: number | undefined
  readonly ackedPerSecond: number | undefined
  /** `stream: code` of what the gateway refuses. */
  readonly heldStreams: readonly string[]
  /** `stream: reason` of what waits for the link as configured. */
  readonly waitingStreams: readonly string[]
  readonly metered: boolean | undefined
  /** Bytes over the link when the month goes on like this. */
  readonly projectedMonthBytes: number | undefined
  /** What is left of the budgets, bytes. */
  readonly leftOfDayBytes: number | undefined
  readonly leftOfMonthBytes: number | undefined
}

export interface BufferOverview {
  readonly inMemory: boolean
  readonly backlogRecords: number | undefined
  readonly backlogBytes: number | undefined
  readonly oldestUnsentSeconds: number | undefined
  readonly storedPerSecond: number | undefined
  readonly lostRecords: number
  readonly deadLetters: number | undefined
  /** Bytes written to the medium for each byte of records. */
  readonly wear: number | undefined
}

export interface SourceOverview {
  readonly source: string
  readonly recordsPerSecond: number | undefined
  readonly bytesPerSecond: number | undefined
  readonly records: number | undefined
  readonly behindBytes: number | undefined
  /** Records or readings that source or transforms left out, as they were told to. */
  readonly leftOut: number | undefined
  readonly problems: number
  readonly restarts: number | undefined
}

/** `before`: the same agent `elapsedMs` ago, for what is counted by the second. */
export function overviewOf(now: AgentStatus, before?: AgentStatus, elapsedMs?: number): Overview {
  const samples = new Samples(now, before, elapsedMs)
  const ofProcess = (name: string) => now.metrics.find((sample) => sample.name === name)?.value
  return {
    device: now.device,
    gateways: now.gateways,
    uptimeSeconds: ofProcess('process_uptime_seconds'),
    memoryBytes: ofProcess('process_resident_memory_bytes'),
    clock: samples.all('clock_state').find(({ value }) => value === 1)?.labels['state'],
    link: linkOf(samples),
    buffer: bufferOf(samples),
    sources: now.sources.map((source) => sourceOf(source, samples))
  }
}

function linkOf(samples: Samples): LinkOverview {
  const metered = samples.value('link_metered')
  return {
    state: linkState(samples),
    lastAckAgeSeconds: samples.value('last_ack_age_seconds'),
    inFlightFrames: samples.value('in_flight_frames'),
    retries: samples.value('retries_total'),
    sentBytesPerSecond: samples.rate('sent_bytes_total'),
    ackedPerSecond: samples.rate('acked_records_total'),
    heldStreams: streamsOf(samples, 'held_stream', 'code'),
    waitingStreams: streamsOf(samples, 'link_held_stream', 'reason'),
    metered: metered === undefined ? undefined : metered === 1,
    projectedMonthBytes: samples.value('link_projected_month_bytes'),
    leftOfDayBytes: samples.value('link_left_bytes', { period: 'day' }),
    leftOfMonthBytes: samples.value('link_left_bytes', { period: 'month' })
  }
}

function streamsOf(samples: Samples, name: string, why: string): string[] {
  return samples.all(name).map(({ labels }) => `${labels['stream']}: ${labels[why]}`)
}

function linkState(samples: Samples): LinkOverview['state'] {
  if (samples.value('unauthorized') === 1) return 'refused'
  if (samples.value('connected') === 1) return 'connected'
  const tried = samples.value('last_ack_age_seconds') ?? samples.value('transport_failures_total')
  return tried ? 'not connected' : 'no answer yet'
}

function bufferOf(samples: Samples): BufferOverview {
  const raw = samples.value('raw_bytes_total')
  const written = samples.value('written_bytes_total')
  return {
    inMemory: samples.value('memory_mode') === 1,
    backlogRecords: samples.value('backlog_records'),
    backlogBytes: samples.value('backlog_bytes'),
    oldestUnsentSeconds: samples.value('oldest_unsent_seconds'),
    storedPerSecond: samples.rate('buffered_records_total'),
    lostRecords: samples.value('lost_records_total') ?? 0,
    deadLetters: samples.value('parked_records_total'),
    wear: raw && written !== undefined ? written / raw : undefined
  }
}

function sourceOf(source: string, samples: Samples): SourceOverview {
  const labels = { source }
  return {
    source,
    recordsPerSecond: samples.rate('source_records_total', labels),
    bytesPerSecond: samples.rate('source_bytes_total', labels),
    records: samples.value('source_records_total', labels),
    behindBytes: samples.value('source_behind_bytes', labels),
    leftOut: sumOf([
      samples.value('source_left_out_total', labels),
      samples.value('transform_dropped_records_total', labels)
    ]),
    problems: samples.value('source_problems_total', labels) ?? 0,
    restarts: samples.value('source_restarts_total', labels)
  }
}
