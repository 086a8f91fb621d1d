import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import { type AuthMode, Authenticator } from '../../../../gateway/admission/authenticator.ts'
import { DeviceStore } from '../../../../gateway/admission/device-store.ts'
import { Gate } from '../../../../gateway/admission/gate.ts'
import { Ledger } from '../../../../gateway/admission/ledger.ts'
import { Quota } from '../../../../gateway/admission/quota.ts'
import {
  HttpFront,
  type HttpFrontOptions,
  type HttpLimits
} from '../../../../gateway/fronts/http/http-front.ts'
import type { StreamAdmin } from '../../../../gateway/engines/engine.ts'
import { RemoteConfigs } from '../../../../gateway/remote-config/remote-configs.ts'
import { type Clock, systemClock } from '../../../../shared/clock.ts'
import { createLog } from '../../../../shared/log.ts'
import { systemRandom } from '../../../../shared/random.ts'
import { encodeBatch, frameCrc, type BatchHeader } from '../../../../shared/wire/batch.ts'
import { encodeFrame } from '../../../../shared/wire/frame.ts'
import { FakeEngine } from '../../../support/fake-engine.ts'
import { cleanUp } from '../../../support/cleanup.ts'
import { tempDir } from '../../../support/temp-dir.ts'
import { columns } from '../../admission/columns.ts'
import { FakeSharding } from '../../admission/fake-sharding.ts'

export interface FixtureOptions {
  readonly mode?: AuthMode
  readonly clock?: Clock
  readonly limits?: Partial<HttpLimits>
  readonly listener?: HttpFrontOptions['listeners'][number]
  readonly trackers?: Partial<HttpFrontOptions['trackers']>
  /** `false`: the engine's streams are administered elsewhere. */
  readonly admin?: false
}

const limits: HttpLimits = {
  bodyBytes: 1024 * 1024,
  poolBytes: 64 * 1024 * 1024,
  poolWaitMs: 5000,
  deadlineMs: 20_000,
  headerBytes: 8192,
  headersTimeoutMs: 10_000,
  bodyTimeoutMs: 10_000,
  keepAliveMs: 5000,
  connections: 100
}

/** A front with real admission in front of fake lanes and a fake engine, on a free port. */
export async function startFront(t: TestContext, options: FixtureOptions = {}) {
  const clock = options.clock ?? systemClock
  const log = createLog('test', 'silent')
  const directory = await tempDir(t)
  const store = new DeviceStore(directory, { clock: systemClock, random: systemRandom })
  const configs = new RemoteConfigs(directory)
  const sharding = new FakeSharding()
  const engine = new FakeEngine({ clock: systemClock, random: systemRandom })
  await engine.create('telemetry', { shards: 1 })
  const gate = new Gate({
    authenticator: new Authenticator({
      mode: options.mode ?? 'off',
      store,
      maxGuests: 100,
      clock: systemClock,
      log
    }),
    ledger: new Ledger({ dataDir: directory, maxDevices: 100, clock: systemClock, log }),
    quota: new Quota({ limitsOf: () => undefined, burstSeconds: 3, maxDevices: 10, clock }),
    sharding,
    limits: { earlyWaitMs: 5, maxEarly: 1, maxSources: 100, waitingBytes: 1_000_000 },
    clock,
    random: systemRandom,
    log
  })
  const notReady: string[] = []
  const admin: StreamAdmin | undefined = options.admin === false ? undefined : engine
  const front = new HttpFront({
    listeners: [options.listener ?? { host: '127.0.0.1', port: 0 }],
    admission: gate,
    engine,
    ...(admin ? { admin } : {}),
    health: { notReady: async () => notReady, metrics: async () => 'up 1\n' },
    configs,
    trackers: { stream: 'telemetry', ids: 'any', ...options.trackers },
    limits: { ...limits, ...options.limits },
    clock,
    log
  })
  const open = new AbortController().signal
  cleanUp(t, async () => {
    await front.stop(AbortSignal.abort())
    await gate.stop(AbortSignal.abort())
  })
  await gate.start(open)
  await front.start(open)
  const [port = 0] = front.ports()
  const scheme = options.listener?.tls ? 'https' : 'http'
  const url = `${scheme}://127.0.0.1:${port}`
  const records = `${url}/v1/streams/telemetry/records`
  const { disk } = sharding
  return { front, gate, store, configs, sharding, engine, notReady, port, url, records, disk }
}

export const epoch = 'cd'.repeat(16)

export function header(first: number, count: number): BatchHeader {
  return {
    device: 'pi-1',
    epoch,
    stream: 'telemetry',
    first,
    count,
    prev: first - 1,
    floor: 1,
    lane: 0,
    clock: 'ntp',
    offset: 0
  }
}

/** A batch of an agent as it goes over the wire. */
export function cborBatch(
  first: number,
  texts: readonly string[],
  pack: (frame: Buffer) => Buffer = (frame) => frame
): Buffer {
  const frame = encodeFrame(columns(texts))
  const body = pack(frame)
  const enc = body === frame ? 'id' : 'gzip'
  return encodeBatch({ header: header(first, texts.length), enc, body, crc: frameCrc(body) })
}

/** Writes bytes as they are and resolves with all that came back until the connection closed. */
export function talk(port: number, bytes: string | Buffer, end = false): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1')
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(answer))
    if (end) socket.end(bytes)
    else socket.write(bytes)
  })
}

/** Waits until `check` is true; the test's own time limit ends a wait in vain. */
export async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setTimeout(resolve, 2))
}
