import type { Clock } from '../shared/clock.ts'
import type { Log } from '../shared/log.ts'
import type { GatewayConfig } from './config.ts'
import { type KinesisConfig, remoteOf } from './engine-config.ts'
import { EmbeddedEngine } from './engines/embedded/embedded-engine.ts'
import type { StreamAdmin, StreamEngine } from './engines/engine.ts'
import { KinesisEngine } from './engines/kinesis/kinesis-engine.ts'
import { Holds } from './spool/holds.ts'

export interface EngineParts {
  /** What the fronts write to and readers read from. */
  readonly engine: StreamEngine
  /** Absent where the streams belong to a service: there they are made with tools and rights of its own. */
  readonly admin?: StreamAdmin
  readonly embedded?: EmbeddedEngine
  /** Where a spool carries records on to, and what it has not yet carried on. */
  readonly beyond?: { readonly engine: StreamEngine; readonly holds: Holds }
}

interface EngineDependencies {
  readonly clock: Clock
  readonly log: Log
}

/** The engine that the configuration names; with `spool` the embedded one in front of it. */
export function createEngine(
  { engine, spool, dataDir, freeDiskFloor }: GatewayConfig,
  { clock, log }: EngineDependencies
): EngineParts {
  const kinesis = remoteOf(engine)
  const remote = kinesis && new KinesisEngine({ ...kinesisOptions(kinesis), clock, log })
  if (remote && !spool) return { engine: remote }
  const holds = new Holds()
  const embedded = new EmbeddedEngine({
    directory: dataDir,
    freeDiskFloorBytes: freeDiskFloor,
    ...(remote ? { heldFrom: (stream: string) => holds.heldFrom(stream) } : {}),
    clock,
    log
  })
  const parts = { engine: embedded, admin: embedded, embedded }
  return remote ? { ...parts, beyond: { engine: remote, holds } } : parts
}

function kinesisOptions({ region, maxConnections, refresh, ...rest }: KinesisConfig) {
  const { stream, endpoint, profile } = rest
  return {
    region,
    maxConnections,
    refreshMs: refresh,
    ...(stream === undefined ? {} : { stream }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(profile === undefined ? {} : { profile })
  }
}
