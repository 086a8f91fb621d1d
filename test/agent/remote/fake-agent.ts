import type { AgentConfig } from '../../../agent/config.ts'
import type { WatchedConfig, WatchedStats } from '../../../agent/remote/health.ts'
import type { Configurable } from '../../../agent/remote/trials.ts'

/** A healthy agent, but for what `change` says. */
export function watchedStats(
  change: {
    readonly buffer?: Partial<WatchedStats['buffer']>
    readonly sender?: Partial<WatchedStats['sender']>
    readonly sources?: WatchedStats['sources']
  } = {}
): WatchedStats {
  return {
    buffer: { mode: 'disk', lost: [], ...change.buffer },
    sender: {
      connected: true,
      lastAckAgeMs: undefined,
      transportFailures: 0,
      inFlightFrames: 0,
      unauthorized: false,
      heldStreams: [],
      ...change.sender
    },
    sources: change.sources ?? { app: { restarts: 0 } }
  }
}

/** With one source that tails `glob`. */
export function watchedConfig(glob: string): WatchedConfig {
  return {
    to: ['http://gateway'],
    link: {
      budget: { reserve: 0.1, counts: 'all' },
      quietHours: [],
      metered: 'auto'
    },
    tls: { insecure: false },
    format: 'cbor',
    gzip: false,
    sender: {
      window: { frames: 1, bytes: 1 },
      timeout: 1,
      backoff: { first: 1, max: 1 },
      liveShare: 0.7,
      stall: 1
    },
    sources: {
      app: { kind: 'tail', options: { tail: [glob] }, priority: 'normal', transforms: [] }
    }
  }
}

/** Keeps what it was told to run with. */
export class FakeAgent implements Configurable {
  readonly reloads: AgentConfig[] = []
  /** What the next `reload` rejects with. */
  refusal: Error | undefined
  current: WatchedStats = watchedStats()

  async reload(config: AgentConfig): Promise<void> {
    this.reloads.push(config)
    const { refusal } = this
    this.refusal = undefined
    if (refusal) throw refusal
  }

  stats(): WatchedStats {
    return this.current
  }
}
