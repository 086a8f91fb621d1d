import type { Histogram } from '../shared/histogram.ts'
import { byLabel, type Labelled, whenKnown } from '../shared/metric-table.ts'
import type { MetricSpec } from '../shared/metrics.ts'
import { processMetrics } from '../shared/process-metrics.ts'
import type { EmbeddedEngineStats } from './engines/embedded/engine-stats.ts'
import { frontMetrics } from './front-metrics.ts'
import { type GatewayStats, gatewayTable } from './gateway-stats.ts'
import { payloadUnitsPer1000 } from './sharding/payload-units.ts'
import type { LaneStats } from './sharding/sharding.ts'
import type { StreamForwarderStats } from './spool/forwarder.ts'

const { counter, gauge, histogram } = gatewayTable

type StreamStats = EmbeddedEngineStats['streams'][number]

/** One value a lane. */
function byLane(valueOf: (lane: LaneStats) => number): Labelled<GatewayStats> {
  return {
    labels: ['stream', 'shard'],
    read: ({ sharding }) =>
      sharding.lanes.map((lane) => {
        const { stream, shard } = lane
        return [{ stream, shard }, valueOf(lane)] as const
      })
  }
}

/** One value a stream of the embedded engine. */
function byStream(valueOf: (stream: StreamStats) => number | Histogram): Labelled<GatewayStats> {
  return {
    labels: ['stream'],
    read: ({ engine }) =>
      (engine?.streams ?? []).map((stats) => [{ stream: stats.stream }, valueOf(stats)] as const)
  }
}

const admissionMetrics = [
  counter(
    'received_records_total',
    'Records that came in, repeats and refused ones included.',
    ({ admission }) => admission.receivedRecords
  ),
  counter(
    'received_bytes_total',
    'What received records took on the wire.',
    ({ admission }) => admission.receivedBytes
  ),
  counter(
    'stored_records_total',
    'Records that became durable, each once.',
    ({ admission }) => admission.storedRecords
  ),
  counter(
    'repeated_records_total',
    'Records that had been stored before and were left out.',
    ({ admission }) => admission.repeatedRecords
  ),
  counter(
    'rejected_records_total',
    'Records refused for good, by code.',
    byLabel('code', ({ admission }) => admission.rejectedRecords)
  ),
  counter(
    'answers_total',
    'Batches by the code they were answered with.',
    byLabel('code', ({ admission }) => admission.answers)
  ),
  gauge('sources', 'Senders whose order is remembered.', ({ admission }) => admission.sources),
  counter(
    'forgotten_total',
    'What was forgotten because a table of admission was full, by table.',
    byLabel('table', ({ admission }) => admission.forgotten)
  )
]

const laneMetrics = [
  gauge(
    'lane_records',
    'Records that wait in front of a shard.',
    byLane((lane) => lane.queuedRecords)
  ),
  gauge(
    'lane_bytes',
    'Bytes of the records that wait in front of a shard.',
    byLane((lane) => lane.queuedBytes)
  ),
  counter(
    'throttles_total',
    'Puts that the engine refused as over the throughput of a shard.',
    byLane((lane) => lane.throttles)
  ),
  counter(
    'puts_total',
    'Stream records written for senders over HTTP and MQTT, most of them aggregates.',
    byLane((lane) => lane.puts)
  ),
  counter(
    'put_records_total',
    'Records in the stream records that were put.',
    byLane((lane) => lane.putRecords)
  ),
  counter(
    'put_bytes_total',
    'Bytes of the stream records that were put.',
    byLane((lane) => lane.putBytes)
  ),
  counter(
    'put_payload_units_total',
    'PUT payload units of 25 KB that a provisioned Kinesis stream bills for what was put.',
    byLane((lane) => lane.payloadUnits)
  ),
  gauge(
    'payload_units_per_1000_records',
    'PUT payload units of 25 KB for each 1,000 records, over all provisioned Kinesis streams.',
    whenKnown(({ sharding }) => payloadUnitsPer1000(sharding.lanes))
  ),
  gauge(
    'memory_bytes',
    'Memory of records on their way to the engine.',
    ({ sharding }) => sharding.bytes
  ),
  gauge(
    'memory_limit_bytes',
    'Most memory that records on their way to the engine may take.',
    ({ sharding }) => sharding.maxBytes
  )
]

const engineMetrics = [
  histogram(
    'commit_seconds',
    'Time of a commit of the embedded engine, fsync included.',
    byStream((stream) => stream.commit)
  ),
  counter(
    'failed_commits_total',
    'Commits that failed, or were not tried because the disk has no room.',
    byStream((stream) => stream.failedCommits)
  ),
  counter(
    'refused_puts_total',
    'Puts that did not fit into the queue of a stream.',
    byStream((stream) => stream.refusedPuts)
  ),
  gauge(
    'stream_bytes',
    'What a stream takes on disk.',
    byStream((stream) => stream.segmentBytes)
  ),
  gauge(
    'stream_segments',
    'Files of a stream.',
    byStream((stream) => stream.segments)
  ),
  gauge(
    'open_shards',
    'Shards that take records.',
    byStream((stream) => stream.openShards)
  ),
  gauge(
    'marks',
    'Marks by which repeats are known.',
    byStream((stream) => stream.marks)
  ),
  counter(
    'forgotten_sources_total',
    'Sources whose marks a stream dropped because it had too many: repeats of theirs may pass.',
    byStream((stream) => stream.evictedSources)
  ),
  counter(
    'corrupt_blocks_total',
    'Damaged blocks that readers passed over.',
    byStream((stream) => stream.corruptBlocks)
  ),
  counter(
    'salvaged_segments_total',
    'Damaged files of a stream that were set aside, with what could be read of them kept.',
    byStream((stream) => stream.salvagedSegments)
  )
]

/** One value a stream that is carried on. */
function byForwarder(valueOf: (stream: StreamForwarderStats) => number): Labelled<GatewayStats> {
  return {
    labels: ['stream'],
    read: ({ spool }) =>
      (spool?.streams ?? []).map((stats) => [{ stream: stats.stream }, valueOf(stats)] as const)
  }
}

const spoolMetrics = [
  counter(
    'spool_records_total',
    'Records carried on to the remote engine.',
    byForwarder((stream) => stream.records)
  ),
  gauge(
    'spool_behind_seconds',
    'Age of the oldest record that was read to be carried on and is not stored there.',
    byForwarder((stream) => stream.behindMs / 1000)
  ),
  counter(
    'spool_failures_total',
    'Times that carrying on failed and was begun anew.',
    byForwarder((stream) => stream.failures)
  ),
  counter(
    'spool_throttles_total',
    'Puts that the remote engine refused as over the throughput of a shard.',
    whenKnown(({ spool }) => spool?.sharding.lanes.reduce((sum, lane) => sum + lane.throttles, 0))
  ),
  gauge(
    'spool_payload_units_per_1000_records',
    'PUT payload units of 25 KB for each 1,000 records carried on.',
    whenKnown(({ spool }) => spool && payloadUnitsPer1000(spool.sharding.lanes))
  )
]

/** Every metric of the gateway. */
export const gatewayMetrics: readonly MetricSpec<GatewayStats>[] = [
  ...admissionMetrics,
  ...laneMetrics,
  ...engineMetrics,
  ...spoolMetrics,
  ...frontMetrics,
  ...processMetrics
]
