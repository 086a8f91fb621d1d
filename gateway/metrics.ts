import type { Histogram } from '../shared/histogram.ts'
import { byLabel, type Labelled, metricTable, whenKnown } from '../shared/metric-table.ts'
import type { MetricSpec } from '../shared/metrics.ts'
import { processMetrics } from '../shared/process-metrics.ts'
import type { AdmissionStats } from './admission/admission.ts'
import type { EmbeddedEngineStats } from './engines/embedded/embedded-engine.ts'
import type { HttpFrontStats } from './fronts/http/http-front.ts'
import type { MqttFrontStats } from './fronts/mqtt/mqtt-front.ts'
import type { LaneStats, ShardingStats } from './sharding/sharding.ts'

/** What the metrics are read from; what is off has none. */
export interface GatewayStats {
  readonly admission: AdmissionStats
  readonly sharding: ShardingStats
  /** Of the embedded engine. */
  readonly engine?: EmbeddedEngineStats
  readonly http?: HttpFrontStats
  readonly mqtt?: MqttFrontStats
}

const { counter, gauge, histogram } = metricTable<GatewayStats>('headwater_gateway')

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
    'What they took on the wire.',
    ({ admission }) => admission.receivedBytes
  ),
  counter(
    'stored_records_total',
    'Records that are durable.',
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
    'Their bytes.',
    byLane((lane) => lane.queuedBytes)
  ),
  counter(
    'throttles_total',
    'Puts that the engine refused as over the throughput of a shard.',
    byLane((lane) => lane.throttles)
  ),
  counter(
    'puts_total',
    'Stream records written, most of them aggregates.',
    byLane((lane) => lane.puts)
  ),
  counter(
    'put_records_total',
    'Records in them.',
    byLane((lane) => lane.putRecords)
  ),
  counter(
    'put_bytes_total',
    'Their bytes.',
    byLane((lane) => lane.putBytes)
  ),
  gauge('memory_bytes', 'Records on their way to the engine.', ({ sharding }) => sharding.bytes),
  gauge('memory_limit_bytes', 'Most that these may take.', ({ sharding }) => sharding.maxBytes)
]

const engineMetrics = [
  histogram(
    'commit_seconds',
    'Time of a commit of the embedded engine, fsync included.',
    byStream((stream) => stream.commit)
  ),
  counter(
    'failed_commits_total',
    'Commits that failed.',
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
    'corrupt_blocks_total',
    'Damaged blocks that readers passed over.',
    byStream((stream) => stream.corruptBlocks)
  )
]

const frontMetrics = [
  gauge(
    'http_connections',
    'Open connections of the HTTP front.',
    whenKnown(({ http }) => http?.connections)
  ),
  gauge(
    'http_body_bytes',
    'Bodies being read or unpacked.',
    whenKnown(({ http }) => http?.bodyBytes)
  ),
  counter(
    'http_refused_bodies_total',
    'Bodies refused because too many were being read.',
    whenKnown(({ http }) => http?.refusedBodies)
  ),
  gauge(
    'mqtt_connections',
    'Open connections of the MQTT front.',
    whenKnown(({ mqtt }) => mqtt?.connections)
  ),
  gauge(
    'mqtt_paused_connections',
    'Those that are not read, because too much of them waits.',
    whenKnown(({ mqtt }) => mqtt?.paused)
  ),
  gauge(
    'mqtt_pending_bytes',
    'Held for messages without an answer.',
    whenKnown(({ mqtt }) => mqtt?.pendingBytes)
  ),
  counter(
    'mqtt_turned_away_total',
    'Connections closed unheard, because there were too many.',
    whenKnown(({ mqtt }) => mqtt?.turnedAway)
  ),
  counter(
    'mqtt_closed_total',
    'Connections by the reason of their end.',
    byLabel('reason', ({ mqtt }) => mqtt?.closed)
  ),
  counter(
    'mqtt_messages_total',
    'PUBLISH packets, batches of agents among them.',
    whenKnown(({ mqtt }) => mqtt?.messages)
  ),
  counter(
    'mqtt_batches_total',
    'Batches of agents.',
    whenKnown(({ mqtt }) => mqtt?.batches)
  ),
  counter(
    'mqtt_refused_total',
    'Messages refused for good, by reason.',
    byLabel('reason', ({ mqtt }) => mqtt?.refused)
  ),
  counter(
    'mqtt_dropped_qos0_total',
    'Messages of QoS 0 dropped because their stream was throttled.',
    whenKnown(({ mqtt }) => mqtt?.droppedQos0)
  ),
  counter(
    'mqtt_forgotten_sessions_total',
    'Absent clients whose QoS 2 state was forgotten.',
    whenKnown(({ mqtt }) => mqtt?.forgottenSessions)
  )
]

/** Every metric of the gateway. */
export const gatewayMetrics: readonly MetricSpec<GatewayStats>[] = [
  ...admissionMetrics,
  ...laneMetrics,
  ...engineMetrics,
  ...frontMetrics,
  ...processMetrics
]
