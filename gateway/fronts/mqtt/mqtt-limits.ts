/** What one gateway grants to MQTT clients; every queue that a client can fill has its bound here. */
export interface MqttLimits {
  /** Connections at once, over all listeners; one more is closed unheard. */
  readonly connections: number
  /** From the first byte (TLS: from the connection) to CONNACK. Milliseconds. */
  readonly connectTimeoutMs: number
  /** A PUBLISH, judged by the length it announces. Bytes. */
  readonly packetBytes: number
  /** Any other packet: a CONNECT with its will and token, a SUBSCRIBE with its topics. Bytes. */
  readonly controlBytes: number
  /** Unacknowledged plain messages of one connection; past it the socket is not read. Bytes. */
  readonly pendingBytes: number
  /** The same for a connection that sends batches of an agent. Bytes. */
  readonly pendingBatchBytes: number
  /** Unacknowledged messages and unfinished packets of all connections. Bytes. */
  readonly totalPendingBytes: number
  /** Written to a client that does not read it; past it the connection is closed. Bytes. */
  readonly outboundBytes: number
  /** QoS 2 messages of one session that wait for their PUBREL; past it the connection is closed. */
  readonly qos2Messages: number
  /** Sessions of absent clients whose QoS 2 packet ids are remembered; the oldest goes first. */
  readonly qos2Sessions: number
  /** Topic filters of one connection with the broker; one more is refused in the SUBACK. */
  readonly subscriptions: number
}

const KiB = 1024
const MiB = 1024 * KiB

export const defaultMqttLimits: MqttLimits = {
  connections: 20_000,
  connectTimeoutMs: 10_000,
  packetBytes: 2 * MiB + 64 * KiB,
  controlBytes: 128 * KiB,
  pendingBytes: 256 * KiB,
  pendingBatchBytes: 4 * MiB,
  totalPendingBytes: 64 * MiB,
  outboundBytes: MiB,
  qos2Messages: 1000,
  qos2Sessions: 10_000,
  subscriptions: 100
}
