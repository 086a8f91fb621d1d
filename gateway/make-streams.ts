import { asHeadwaterError, HeadwaterError } from '../shared/errors.ts'
import type { Log } from '../shared/log.ts'
import { type GatewayConfig, streamOptions } from './config.ts'
import { remoteOf } from './engine-config.ts'
import type { StreamAdmin, StreamEngine } from './engines/engine.ts'
import { ownEntry } from './own-entry.ts'

export interface MakeStreamsOptions {
  readonly engine: StreamEngine
  readonly admin?: StreamAdmin | undefined
  readonly log: Log
}

/**
 * Makes the streams of the configuration that do not exist. Where the gateway may not make any, it
 * looks whether they are there: rejects with `config` for one that is missing, and only warns when
 * the service does not answer, for that may pass.
 */
export async function makeStreams(
  config: GatewayConfig,
  { engine, admin, log }: MakeStreamsOptions
): Promise<void> {
  if (!admin) {
    for (const stream of Object.keys(streamsOf(config))) await requireStream(stream, engine, log)
    return
  }
  const existing = await engine.streams()
  for (const [name, { shards, retention, maxRecord }] of Object.entries(streamsOf(config))) {
    if (existing.includes(name)) continue
    await admin.create(name, { shards, retentionMs: retention, maxRecordBytes: maxRecord })
    log.info({ stream: name, shards }, 'stream created')
  }
}

/** A remote engine with a stream of its own has just that one. */
function streamsOf({ engine, streams }: GatewayConfig): GatewayConfig['streams'] {
  const only = remoteOf(engine)?.stream
  if (only === undefined) return streams
  return { [only]: ownEntry(streams, only) ?? streamOptions.parse({}) }
}

async function requireStream(stream: string, engine: StreamEngine, log: Log): Promise<void> {
  try {
    await engine.describe(stream)
  } catch (thrown) {
    const error = asHeadwaterError(thrown)
    if (error.code !== 'unknown_stream') {
      log.warn({ error, stream }, 'the engine does not answer yet; records wait with their senders')
      return
    }
    const message = `${error.message}; the gateway makes no streams there: use headwater-stream create --endpoint, or the tools of the service`
    throw new HeadwaterError('config', message, { cause: error })
  }
}
