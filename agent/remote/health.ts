import { isDeepStrictEqual } from 'node:util'
import type { AgentConfig } from '../config.ts'
import type { AgentStats } from '../metrics.ts'

const linkKeys = ['to', 'token', 'tls', 'format', 'gzip', 'sender', 'link'] as const

/** What of the configuration matters here. */
export type WatchedConfig = Pick<AgentConfig, 'sources' | (typeof linkKeys)[number]>

/** What of the agent's account matters here. */
export interface WatchedStats {
  readonly buffer: Pick<AgentStats['buffer'], 'mode' | 'lost'>
  readonly sender: Pick<
    AgentStats['sender'],
    | 'connected'
    | 'lastAckAgeMs'
    | 'transportFailures'
    | 'inFlightFrames'
    | 'unauthorized'
    | 'heldStreams'
  >
  /** By the name of the source. */
  readonly sources: Readonly<Record<string, { readonly restarts: number }>>
}

/** How the agent was when a configuration came into force. */
export interface Baseline {
  /** What was in force before. */
  readonly config: WatchedConfig
  /** Absent when the agent started with the new one. */
  readonly stats?: WatchedStats
  /** Records reached the gateway. */
  readonly wasConnected: boolean
}

/** How it is now. */
export interface Observation {
  readonly config: WatchedConfig
  readonly stats: WatchedStats
  /** Since the configuration is in force. Milliseconds. */
  readonly elapsedMs: number
  /** The gateway was asked for a configuration meanwhile and answered. */
  readonly answered: boolean
}

/**
 * What is wrong with the agent that was not wrong before, and does not pass by itself. In the words
 * that the operator reads.
 */
export function faultOf(before: Baseline, now: Observation): string | undefined {
  return sourceFault(before, now) ?? bufferFault(before, now) ?? refusal(before, now)
}

/**
 * Why the way to the gateway is not proven, asked when the window is over. It may not be the fault
 * of the configuration: links come and go. One that leaves the link alone has nothing to prove.
 */
export function linkFault(before: Baseline, now: Observation): string | undefined {
  if (linkKeys.every((key) => isDeepStrictEqual(before.config[key], now.config[key]))) {
    return undefined
  }
  if (!now.answered) return 'the gateway could not be asked for a configuration any more'
  const { transportFailures, inFlightFrames, lastAckAgeMs } = now.stats.sender
  const acked = lastAckAgeMs !== undefined && lastAckAgeMs <= now.elapsedMs
  // With nothing to send, or none of it allowed now, there is nothing to be acked.
  const idle = transportFailures === 0 && inFlightFrames === 0
  if (!before.wasConnected || acked || idle) return undefined
  return `no record reached the gateway, as some did before: ${transportFailures} attempts failed, ${inFlightFrames} batches are not answered`
}

function sourceFault(before: Baseline, { config, stats }: Observation): string | undefined {
  const failing = Object.entries(stats.sources)
    .filter(([, { restarts }]) => restarts > 0)
    .filter(([name]) => !failedBefore(before, name, config))
    .map(([name]) => name)
  if (failing.length === 0) return undefined
  return `these sources fail: ${failing.join(', ')}; the log of the agent says why`
}

/** A source that was not touched and had failed before proves nothing. */
function failedBefore(
  { config, stats }: Baseline,
  name: string,
  now: Observation['config']
): boolean {
  if (!isDeepStrictEqual(config.sources[name], now.sources[name])) return false
  return (stats?.sources[name]?.restarts ?? 0) > 0
}

function bufferFault(before: Baseline, { stats }: Observation): string | undefined {
  if (stats.buffer.mode === 'memory' && before.stats?.buffer.mode !== 'memory') {
    return 'the disk cannot be written; records wait in memory'
  }
  const lost = lostRecords(stats) - lostRecords(before.stats)
  return before.stats && lost > 0 ? `${lost} records were lost; see the loss ledger` : undefined
}

function lostRecords(stats: WatchedStats | undefined): number {
  return stats?.buffer.lost.reduce((sum, { records }) => sum + records, 0) ?? 0
}

function refusal(before: Baseline, { stats }: Observation): string | undefined {
  if (stats.sender.unauthorized && !before.stats?.sender.unauthorized) {
    return 'the gateway refuses this device: its id or token'
  }
  const held = stats.sender.heldStreams.filter(
    ({ stream }) => !before.stats?.sender.heldStreams.some((one) => one.stream === stream)
  )
  if (held.length === 0) return undefined
  const list = held.map(({ stream, code }) => `${stream} (${code})`).join(', ')
  return `the gateway refuses these streams: ${list}`
}
