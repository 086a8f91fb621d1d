import { byLabel, metricTable, whenKnown } from '../shared/metric-table.ts'
import type { MetricSpec } from '../shared/metrics.ts'
import { processMetrics } from '../shared/process-metrics.ts'
import { clockStates } from '../shared/wire/batch.ts'
import type { BufferStats } from './buffer/buffer.ts'
import type { LinkStats } from './link/link-stats.ts'
import { linkMetrics } from './link-metrics.ts'
import { type RunningSourceStats, sourceMetrics } from './source-metrics.ts'
import { wearMetrics } from './wear-metrics.ts'
import type { TimeStats } from './clock/device-time.ts'
import type { SenderStats } from './sender/sender.ts'

/** What the metrics are read from. */
export interface AgentStats {
  readonly buffer: BufferStats
  readonly sender: SenderStats
  readonly link: LinkStats
  readonly clock: TimeStats
  /** By the name of the source. */
  readonly sources: Readonly<Record<string, RunningSourceStats>>
}

const { counter, gauge, histogram } = metricTable<AgentStats>('headwater_agent')

const bufferMetrics = [
  gauge(
    'oldest_unsent_seconds',
    'Age of the oldest record that the gateway has not acked; 0 when it has all.',
    ({ buffer }) => buffer.oldestAgeMs / 1000
  ),
  gauge(
    'data_age_seconds',
    'How long the gateway has had no news although there is some; 0 when it has all.',
    dataAgeSeconds
  ),
  gauge(
    'backlog_records',
    'Records in the buffer that are not acked.',
    ({ buffer }) => buffer.records
  ),
  gauge('backlog_bytes', 'What the buffer takes on disk.', ({ buffer }) => buffer.bytes),
  gauge('buffer_segments', 'Files of the buffer.', ({ buffer }) => buffer.segments),
  counter(
    'buffered_records_total',
    'Records that the buffer made durable.',
    ({ buffer }) => buffer.appendedRecords
  ),
  counter(
    'parked_records_total',
    'Records put into the dead letters.',
    ({ buffer }) => buffer.parkedRecords
  ),
  counter('lost_records_total', 'The loss ledger: records that are gone, by stream and reason.', {
    labels: ['stream', 'reason'],
    read: ({ buffer }) =>
      buffer.lost.map(({ stream, reason, records }) => [{ stream, reason }, records] as const)
  }),
  histogram(
    'commit_seconds',
    'Time of a commit of the buffer, fsync included.',
    ({ buffer }) => buffer.commit
  ),
  gauge(
    'memory_mode',
    '1 while the disk is unusable and the memory ring has taken over.',
    ({ buffer }) => Number(buffer.mode === 'memory')
  ),
  gauge('ring_records', 'Records in the memory ring.', ({ buffer }) => buffer.ringRecords)
]

const senderMetrics = [
  counter(
    'sent_records_total',
    'Records sent, repeats included.',
    ({ sender }) => sender.sentRecords
  ),
  counter(
    'sent_bytes_total',
    'Bytes of the frames sent, as stored, repeats included.',
    ({ sender }) => sender.sentBytes
  ),
  counter(
    'acked_records_total',
    'Records that the gateway said are durable.',
    ({ sender }) => sender.ackedRecords
  ),
  counter(
    'rejected_records_total',
    'Records that the gateway refused for good, by code.',
    byLabel('code', ({ sender }) => sender.rejectedRecords)
  ),
  counter(
    'transport_failures_total',
    'Attempts without a valid Ack.',
    ({ sender }) => sender.transportFailures
  ),
  counter('retries_total', 'Batches sent again.', ({ sender }) => sender.retries),
  counter(
    'stalls_total',
    'Connections dropped because nothing moved.',
    ({ sender }) => sender.stalls
  ),
  gauge('in_flight_frames', 'Frames sent and not answered.', ({ sender }) => sender.inFlightFrames),
  gauge('connected', '1 when the gateway answered the last attempt.', ({ sender }) =>
    Number(sender.connected)
  ),
  gauge(
    'last_ack_age_seconds',
    'Time since the last Ack; absent before the first.',
    whenKnown(({ sender }) =>
      sender.lastAckAgeMs === undefined ? undefined : sender.lastAckAgeMs / 1000
    )
  ),
  gauge('unauthorized', '1 while the gateway refuses this device or its token.', ({ sender }) =>
    Number(sender.unauthorized)
  ),
  gauge('held_stream', '1 for each stream that the gateway refuses, with its code.', {
    labels: ['stream', 'code'],
    read: ({ sender }) =>
      sender.heldStreams.map(({ stream, code }) => [{ stream, code }, 1] as const)
  })
]

const clockMetrics = [
  gauge(
    'clock_state',
    '1 for what the wall clock is worth now: set by NTP, by GPS, by a hardware clock, or not known to be set.',
    {
      labels: ['state'],
      read: ({ clock }) =>
        clockStates.map((state) => [{ state }, Number(state === clock.state)] as const)
    }
  ),
  gauge(
    'clock_error_seconds',
    'How far the wall clock is ahead of the time that is known better; absent while nothing is.',
    whenKnown(({ clock }) => (clock.errorMs === undefined ? undefined : clock.errorMs / 1000))
  )
]

/** Since the last Ack, or since the oldest record where that is newer: before it there was no news. */
function dataAgeSeconds({ buffer, sender }: AgentStats): number {
  return Math.min(sender.lastAckAgeMs ?? Number.POSITIVE_INFINITY, buffer.oldestAgeMs) / 1000
}

/** Every metric of the agent. */
export const agentMetrics: readonly MetricSpec<AgentStats>[] = [
  ...sourceMetrics,
  ...bufferMetrics,
  ...senderMetrics,
  ...linkMetrics,
  ...wearMetrics,
  ...clockMetrics,
  ...processMetrics
]
