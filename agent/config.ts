import { resolve } from 'node:path'
import { z } from 'zod'
import {
  byteSize,
  count,
  duration,
  flag,
  listener,
  name,
  pem,
  pemKey,
  secret
} from '../shared/config/fields.ts'
import { type LoadOptions, loadConfig } from '../shared/config/load-config.ts'
import { isLoopback } from '../shared/listen-address.ts'
import { logLevels } from '../shared/log.ts'
import {
  capBytes,
  capText,
  inspectMachine,
  type Media,
  type MediaPreset,
  mediaPresets,
  pageSizes
} from './machine.ts'
import { sourceField } from './source-config.ts'
import { sourceTypes } from './sources/index.ts'

const sender = z.strictObject({
  window: z
    .strictObject({
      frames: count({ min: 1, max: 64 }).prefault(8).describe('Frames under way at once.'),
      bytes: byteSize({ min: 1 }).prefault('4 MiB').describe('Their bytes.')
    })
    .prefault({}),
  timeout: duration({ min: 100 })
    .prefault('30s')
    .describe('A batch without an Ack for so long is sent again.'),
  backoff: z
    .strictObject({
      first: duration({ min: 1 }).prefault('500ms').describe('Upper bound of the first wait.'),
      max: duration({ min: 1 }).prefault('5m').describe('Upper bound of every later wait.')
    })
    .prefault({}),
  stall: duration({ min: 1000 })
    .prefault('60s')
    .describe('A connection that moves no byte for so long is made anew.')
})

const buffer = z.strictObject({
  frame: byteSize({ min: 1024, max: 8 * 1024 ** 2 })
    .prefault('256 KiB')
    .describe('Data of one frame, the unit that is stored, sent and acked.'),
  segment: byteSize({ min: 64 * 1024 })
    .prefault('16 MiB')
    .describe('Size of one file of the buffer; room comes back a file at a time.'),
  cap: capText()
    .prefault('auto')
    .describe(
      'Most the buffer takes on disk: a size, `10%` of the disk, or `auto`: 10 %, at most 256 MiB.'
    ),
  freeDiskFloor: byteSize()
    .prefault('64 MiB')
    .describe('Free space of the disk that the buffer leaves to others.'),
  media: z
    .enum(['auto', 'ssd', 'sd-card'])
    .prefault('auto')
    .describe('What the data directory lies on; decides what else here is `auto`.'),
  commitAge: z
    .union([z.literal('auto'), duration({ min: 1, max: 3_600_000 })])
    .prefault('auto')
    .describe(
      'How long a record may wait for its commit. `auto`: 1s on an SSD, 10s on an SD card.'
    ),
  pageSize: z
    .literal(['auto', ...pageSizes])
    .prefault('auto')
    .describe('Page size of SQLite. `auto`: 4096 on an SSD, 1024 on an SD card.'),
  compression: z
    .enum(['auto', 'none', 'gzip'])
    .prefault('auto')
    .describe('How frames are stored and sent. `auto`: gzip on an SD card, none on an SSD.'),
  ring: z
    .strictObject({
      records: count({ min: 1 }).prefault(10_000).describe('Most of them.'),
      bytes: byteSize({ min: 1024 }).prefault('4 MiB').describe('Most of their bytes.')
    })
    .prefault({})
    .describe('Readings kept in memory while the disk is unusable; the oldest give way.'),
  deadLetters: byteSize()
    .prefault('16 MiB')
    .describe('Most that refused records take on disk; the oldest give way.')
})

const tls = z.strictObject({
  ca: pem().optional().describe('Authorities to trust instead of those of the system.'),
  cert: pem().optional().describe('Certificate of this device.'),
  key: pemKey().optional().describe('Private key of this device.'),
  insecure: flag().prefault(false).describe('Accept any certificate; only for trying things out.')
})

const streamOptions = z.strictObject({
  overflow: z
    .enum(['drop-oldest', 'block'])
    .prefault('drop-oldest')
    .describe('What happens when the buffer is at its cap.'),
  order: z
    .literal('oldest-first', {
      error: 'must be oldest-first; newest-first is not available yet'
    })
    .prefault('oldest-first')
    .describe('Which records go first after an outage.')
})

/** Every key of `agent.yaml` and every default of the agent. */
export const agentSchema = z
  .strictObject({
    device: name().optional().describe('Who this is; default: the name of the host.'),
    to: gateways().describe(
      'Gateway, or several that are tried in turn: http, https, mqtt or mqtts.'
    ),
    token: secret().optional().describe('What this device proves itself with.'),
    stream: name().prefault('telemetry').describe('Stream of all sources that name none.'),
    format: z.enum(['cbor', 'json']).prefault('cbor').describe('Form of the batches on the wire.'),
    gzip: flag().prefault(false).describe('Compress batches that are not compressed already.'),
    tls: tls.prefault({}),
    dataDir: z
      .string()
      .min(1)
      .prefault('./headwater-data/agent')
      .describe('Where the buffer lies; relative to the working directory.'),
    sources: z
      .record(name(), sourceField(sourceTypes))
      .prefault({})
      .describe('What is read, by name.'),
    streams: z
      .record(name(), streamOptions)
      .prefault({})
      .describe('Streams that are not to be handled as usual, by name.'),
    buffer: buffer.prefault({}),
    sender: sender.prefault({}),
    health: z
      .strictObject({
        listen: listener()
          .prefault('127.0.0.1:9464')
          .describe('Address of /healthz, /readyz and /metrics, or `off`.'),
        insecure: flag()
          .prefault(false)
          .describe('Allow an address that other machines can reach; it has no authentication.')
      })
      .prefault({}),
    log: z
      .strictObject({ level: z.enum(logLevels).prefault('info').describe('What is logged.') })
      .prefault({}),
    once: flag().prefault(false).describe('End when all there is has been read and acked.')
  })
  .superRefine(({ sources, health }, context) => {
    if (Object.keys(sources).length === 0) {
      const message =
        'there is no source: add one under "sources:", or --tail GLOB, --stdin, --metrics'
      context.addIssue({ code: 'custom', path: ['sources'], message })
    }
    if (health.listen !== 'off' && !isLoopback(health.listen.host) && !health.insecure) {
      const message =
        'can be reached from other machines; write "insecure: true" beside it if that is meant'
      context.addIssue({ code: 'custom', path: ['health', 'listen'], message })
    }
  })

function gateways() {
  const url = z.string().check((context) => {
    const problem = urlProblem(context.value)
    if (problem) context.issues.push({ code: 'custom', message: problem, input: context.value })
  })
  const form = z.union([url, z.array(url).min(1)], {
    error: (issue) =>
      issue.input === undefined
        ? 'is missing: where shall records go? as in --to http://127.0.0.1:8080'
        : undefined
  })
  return z.codec(form, z.custom<readonly string[]>(), {
    decode: (urls) => (typeof urls === 'string' ? [urls] : urls),
    encode: (urls) => [...urls]
  })
}

function urlProblem(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !['http:', 'https:', 'mqtt:', 'mqtts:'].includes(url.protocol)) {
    return 'must be a URL of http, https, mqtt or mqtts, as in http://127.0.0.1:8080'
  }
  if (url.username !== '' || url.password !== '') {
    return 'must not hold a user or password; the device and its token are keys of their own'
  }
  return undefined
}

type Written = z.output<typeof agentSchema>
type Sized = MediaPreset & { readonly cap: number; readonly media: Media }

/**
 * What the agent runs with: nothing is `auto` any more. Durations are milliseconds, sizes bytes.
 */
export type AgentConfig = Omit<Written, 'device' | 'buffer'> & {
  readonly device: string
  readonly buffer: Omit<Written['buffer'], keyof Sized> & Sized
}

/**
 * The agent's configuration from file and flags, with what depends on this machine filled in.
 * Throws `config` with a line for each problem.
 */
export async function loadAgentConfig(options: LoadOptions): Promise<AgentConfig> {
  const written = loadConfig(agentSchema, { ...options, keepFiles: ['token'] })
  const dataDir = resolve(written.dataDir)
  const machine = await inspectMachine(dataDir)
  const media = written.buffer.media === 'auto' ? machine.media : written.buffer.media
  return {
    ...written,
    dataDir,
    device: written.device ?? machine.device,
    buffer: {
      ...written.buffer,
      media,
      cap: capBytes(written.buffer.cap, machine.diskBytes),
      ...withPreset(written.buffer, mediaPresets[media])
    }
  }
}

function withPreset(buffer: Written['buffer'], preset: MediaPreset): MediaPreset {
  const { commitAge, pageSize, compression } = buffer
  return {
    commitAge: commitAge === 'auto' ? preset.commitAge : commitAge,
    pageSize: pageSize === 'auto' ? preset.pageSize : pageSize,
    compression: compression === 'auto' ? preset.compression : compression
  }
}
