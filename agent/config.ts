import { resolve } from 'node:path'
import { z } from 'zod'
import { flag, listener, name, secret } from '../shared/config/fields.ts'
import { checkConfig, type LoadOptions, readConfig } from '../shared/config/load-config.ts'
import { isLoopback } from '../shared/listen-address.ts'
import { logLevels } from '../shared/log.ts'
import { bufferOptions } from './config/buffer-options.ts'
import { gateways, tlsOptions } from './config/gateway-options.ts'
import { linkOptions } from './config/link-options.ts'
import { remoteOptions, remoteProblem } from './config/remote-options.ts'
import { senderOptions } from './config/sender-options.ts'
import { streamOptions } from './config/stream-options.ts'
import { type Kinds, kindsIn } from './kinds.ts'
import { capBytes, inspectMachine, type MediaPreset, mediaPresets } from './machine.ts'
import type { Media } from './medium.ts'
import { definitionsOf, sourceField } from './source-config.ts'

/** Every key of `agent.yaml` and every default of the agent, with the sources of these kinds. */
export function agentSchema(kinds: Kinds) {
  return z
    .strictObject({
      device: name().optional().describe('Who this is; default: the name of the host.'),
      to: gateways().describe(
        'Gateway, or several that are tried in turn: http, https, mqtt or mqtts.'
      ),
      token: secret().optional().describe('What this device proves itself with.'),
      stream: name().prefault('telemetry').describe('Stream of all sources that name none.'),
      format: z
        .enum(['cbor', 'json'])
        .prefault('cbor')
        .describe('Form of the batches on the wire.'),
      gzip: flag().prefault(false).describe('Compress batches that are not compressed already.'),
      tls: tlsOptions.prefault({}),
      dataDir: z
        .string()
        .min(1)
        .prefault('./headwater-data/agent')
        .describe('Where the buffer lies; relative to the working directory.'),
      sources: z.record(name(), sourceField(kinds)).prefault({}).describe('What is read, by name.'),
      streams: z
        .record(name(), streamOptions)
        .prefault({})
        .describe('Streams that are not to be handled as usual, by name.'),
      buffer: bufferOptions.prefault({}),
      sender: senderOptions.prefault({}),
      link: linkOptions.prefault({}),
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
      remote: remoteOptions.optional(),
      once: flag().prefault(false).describe('End when all there is has been read and acked.')
    })
    .superRefine(({ to, remote, sources, health }, context) => {
      const message = remoteProblem(remote, to)
      if (message) context.addIssue({ code: 'custom', path: ['remote', 'url'], message })
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
    .meta({ definitions: definitionsOf(kinds) })
}

type Written = z.output<ReturnType<typeof agentSchema>>
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
  const config = readConfig({ ...options, keepFiles: ['token'] })
  const written = checkConfig(agentSchema(await kindsIn(config.tree)), config)
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
