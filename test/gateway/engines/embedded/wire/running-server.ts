import type { TestContext } from 'node:test'
import { KinesisClient } from '@aws-sdk/client-kinesis'
import { pino } from 'pino'
import type { EmbeddedEngine } from '../../../../../gateway/engines/embedded/embedded-engine.ts'
import { KinesisServer } from '../../../../../gateway/engines/embedded/wire/kinesis-server.ts'
import type { KinesisServerOptions } from '../../../../../gateway/engines/embedded/wire/kinesis-server-options.ts'
import type { WireContext } from '../../../../../gateway/engines/embedded/wire/wire-context.ts'
import { type Clock, systemClock } from '../../../../../shared/clock.ts'
import { systemRandom } from '../../../../../shared/random.ts'
import { cleanUp } from '../../../../support/cleanup.ts'
import { tempDir } from '../../../../support/temp-dir.ts'
import { runningEngine } from '../running-engine.ts'

const never = new AbortController().signal

export interface RunningServer {
  readonly engine: EmbeddedEngine
  readonly server: KinesisServer
  /** Of the cleartext port. */
  readonly url: string
  readonly directory: string
}

/** An engine and its wire API on any free port; both are stopped when the test ends. */
export async function runningServer(
  t: TestContext,
  options: Partial<Omit<KinesisServerOptions, 'context'>> & {
    readonly clock?: Clock
    readonly context?: Partial<WireContext>
  } = {}
): Promise<RunningServer> {
  const { clock = systemClock, ...rest } = options
  const directory = options.directory ?? (await tempDir(t))
  const engine = options.context?.engine ?? (await runningEngine(t, directory, { clock }))
  const log = pino({ level: process.env['HEADWATER_TEST_LOG'] ?? 'silent' })
  const server = new KinesisServer({
    listen: { host: '127.0.0.1', port: 0 },
    ...rest,
    directory,
    context: { engine, limits: 'none', clock, random: systemRandom, log, ...options.context }
  })
  cleanUp(t, () => server.stop(AbortSignal.abort()))
  await server.start(never)
  return { engine, server, directory, url: `http://127.0.0.1:${server.ports()[0]}` }
}

/** A client of the AWS SDK, with its own defaults: HTTP/2 unless `requestHandler` says otherwise. */
export function sdkClient(
  t: TestContext,
  url: string,
  config: ConstructorParameters<typeof KinesisClient>[0] = {}
): KinesisClient {
  const client = new KinesisClient({
    endpoint: url,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    maxAttempts: 1,
    ...config
  })
  cleanUp(t, () => client.destroy())
  return client
}
