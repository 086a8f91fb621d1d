import { byLabel, whenKnown } from '../shared/metric-table.ts'
import { gatewayTable } from './gateway-stats.ts'

const { counter, gauge } = gatewayTable

/** Of what listens for senders and readers. */
export const frontMetrics = [
  gauge(
    'certificate_expires_seconds',
    'Until the certificate of the TLS listeners ends; negative afterwards.',
    whenKnown(({ certificate }) => certificate && certificate.expiresInMs / 1000)
  ),
  counter(
    'certificate_renewals_total',
    'New certificates that were taken while the gateway ran.',
    whenKnown(({ certificate }) => certificate?.renewals)
  ),
  counter(
    'certificate_failures_total',
    'New certificates that could not be used, so that the old one stayed.',
    whenKnown(({ certificate }) => certificate?.failures)
  ),
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
  ),
  gauge(
    'kinesis_connections',
    'Open connections of the Kinesis API.',
    whenKnown(({ kinesis }) => kinesis?.connections)
  ),
  gauge(
    'kinesis_body_bytes',
    'Its bodies in memory.',
    whenKnown(({ kinesis }) => kinesis?.bodyBytes)
  ),
  counter(
    'kinesis_refused_bodies_total',
    'Its bodies refused because too many were being read.',
    whenKnown(({ kinesis }) => kinesis?.refusedBodies)
  ),
  gauge(
    'kinesis_answer_bytes',
    'Its large answers in memory.',
    whenKnown(({ kinesis }) => kinesis?.answerBytes)
  ),
  counter(
    'kinesis_refused_answers_total',
    'Its large answers that were not made because too many were on their way.',
    whenKnown(({ kinesis }) => kinesis?.refusedAnswers)
  )
]
