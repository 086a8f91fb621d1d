import type { MqttLimits } from './mqtt-limits.ts'

/** Why the front closed a connection; counted. */
export type CloseReason =
  | 'client'
  | 'protocol'
  | 'too_large'
  | 'unauthorized'
  | 'rejected'
  | 'refused'
  | 'revoked'
  | 'taken_over'
  | 'connect_timeout'
  | 'keepalive'
  | 'stalled'
  | 'slow_consumer'
  | 'broker'
  | 'stopping'
  | 'internal'

/** How long a closed connection may take to carry its last bytes. Milliseconds. */
const lingerMs = 5000

/** Longest pause in reading a client that promised no keepalive. Milliseconds. */
const maxPauseMs = 60_000

/** The times of one connection; all in `Clock.monoMs`. */
export interface ConnectionTimes {
  readonly acceptedMs: number
  /** When it last brought a byte, or was last not read. */
  readonly heardMs: number
  /** Since when it is not read. */
  readonly pausedSinceMs: number | undefined
  /** When it was closed by us. */
  readonly closedMs: number | undefined
  /** As the client promised it in its CONNECT, 0 for none; undefined before the CONNACK. */
  readonly keepaliveSeconds: number | undefined
}

/**
 * Why a connection must be ended at `nowMs`, if it must; `gone` for one that was closed and is
 * still there. Silence counts only while the client is read: at most three quarters of its
 * keepalive, since it must hear a PINGRESP in time.
 */
export function overdue(
  times: ConnectionTimes,
  nowMs: number,
  limits: Pick<MqttLimits, 'connectTimeoutMs'>
): CloseReason | 'gone' | undefined {
  const { acceptedMs, heardMs, pausedSinceMs, closedMs, keepaliveSeconds } = times
  if (closedMs !== undefined) return nowMs - closedMs >= lingerMs ? 'gone' : undefined
  if (keepaliveSeconds === undefined) {
    return nowMs - acceptedMs >= limits.connectTimeoutMs ? 'connect_timeout' : undefined
  }
  const keepaliveMs = keepaliveSeconds * 1000
  if (pausedSinceMs !== undefined) {
    const pauseMs = keepaliveMs > 0 ? keepaliveMs * 0.75 : maxPauseMs
    return nowMs - pausedSinceMs >= pauseMs ? 'stalled' : undefined
  }
  // [MQTT-3.1.2-24]
  return keepaliveMs > 0 && nowMs - heardMs >= keepaliveMs * 1.5 ? 'keepalive' : undefined
}
