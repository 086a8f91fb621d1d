import { byLabel, whenKnown } from '../shared/metric-table.ts'
import { gatewayTable } from './gateway-stats.ts'

const { counter, gauge } = gatewayTable

/** Of what listens for senders and readers. */
export const frontMetrics = [
  gauge(
    'certificate_expires_seconds',
    'Time until the certificate of the TLS listeners ends; negative afterwards.',
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
    'Bytes of HTTP bodies being read or unpacked.',
    whenKnown(({ http }) => http?.bodyBytes)
  ),
  counter(
    'http_refused_bodies_total',
    'HTTP bodies refused because too many were being read.',
    whenKnown(({ http }) => http?.refusedBodies)
  ),
  gauge(
    'mqtt_connections',
    'Open connections of the MQTT front.',
    whenKnown(({ mqtt }) => mqtt?.connections)
  ),
  gauge(
    'mqtt_paused_connections',
    'MQTT connections that are not read now, because too much of them waits.',
    whenKnown(({ mqtt }) => mqtt?.paused)
  ),
  counter(
    'mqtt_pauses_total',
    'How often an MQTT connection was not read for a while, because too much of it waited.',
    whenKnown(({ mqtt }) => mqtt?.pauses)
  ),
  gauge(
    'mqtt_pending_bytes',
    'Bytes held for MQTT messages without an answer.',
    whenKnown(({ mqtt }) => mqtt?.pendingBytes)
  ),
  counter(
    'mqtt_accepted_total',
    'MQTT connections that were accepted.',
    whenKnown(({ mqtt }) => mqtt?.accepted)
  ),
  counter(
    'mqtt_turned_away_total',
    'MQTT connections closed unheard, because there were too many.',
    whenKnown(({ mqtt }) => mqtt?.turnedAway)
  ),
  counter(
    'mqtt_closed_total',
    'MQTT connections by the reason of their end.',
    byLabel('reason', ({ mqtt }) => mqtt?.closed)
  ),
  counter(
    'mqtt_messages_total',
    'MQTT messages that came in, batches of agents among them.',
    whenKnown(({ mqtt }) => mqtt?.messages)
  ),
  counter(
    'mqtt_batches_total',
    'Batches of agents that came in over MQTT.',
    whenKnown(({ mqtt }) => mqtt?.batches)
  ),
  counter(
    'mqtt_refused_total',
    'MQTT messages refused for good, by reason.',
    byLabel('reason', ({ mqtt }) => mqtt?.refused)
  ),
  counter(
    'mqtt_dropped_qos0_total',
    'MQTT messages of QoS 0, and wills, dropped because their stream was throttled or their connection broke.',
    whenKnown(({ mqtt }) => mqtt?.droppedQos0)
  ),
  counter(
    'mqtt_forgotten_sessions_total',
    'Absent MQTT clients whose QoS 2 state was forgotten, because there were too many.',
    whenKnown(({ mqtt }) => mqtt?.forgottenSessions)
  ),
  gauge(
    'kinesis_connections',
    'Open connections of the Kinesis API.',
    whenKnown(({ kinesis }) => kinesis?.connections)
  ),
  gauge(
    'kinesis_body_bytes',
    'Bytes of bodies of the Kinesis API in memory.',
    whenKnown(({ kinesis }) => kinesis?.bodyBytes)
  ),
  counter(
    'kinesis_refused_bodies_total',
    'Bodies of the Kinesis API refused because too many were being read.',
    whenKnown(({ kinesis }) => kinesis?.refusedBodies)
  ),
  gauge(
    'kinesis_answer_bytes',
    'Bytes of large answers of the Kinesis API in memory.',
    whenKnown(({ kinesis }) => kinesis?.answerBytes)
  ),
  counter(
    'kinesis_refused_answers_total',
    'Large answers of the Kinesis API that were not made because too many were on their way.',
    whenKnown(({ kinesis }) => kinesis?.refusedAnswers)
  )
]
