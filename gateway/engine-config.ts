import { z } from 'zod'
import { count, duration, name, secret } from '../shared/config/fields.ts'

const kinesis = z.strictObject({
  region: z
    .string()
    .regex(/^[a-z0-9-]+$/, 'must be a region as in eu-central-1')
    .describe('Region of the streams.'),
  stream: name()
    .optional()
    .describe('The only stream to use; else all of the account may be written to.'),
  endpoint: z
    .url({ protocol: /^https?$/, error: 'must be a URL as in https://host:port' })
    .optional()
    .describe("Another service that speaks the Kinesis API, in place of the region's own."),
  profile: z.string().min(1).optional().describe('Profile of the AWS configuration files.'),
  maxConnections: count({ min: 1, max: 1024 })
    .prefault(16)
    .describe('Connections to the service at a time.'),
  refresh: duration({ min: 1000, max: 3_600_000 })
    .prefault('60s')
    .describe('How often shards are listed without a reason to.')
})

export type KinesisConfig = z.output<typeof kinesis>

const credentials = z.strictObject({
  accessKeyId: z.string().min(1).describe('What a client names itself by.'),
  secretAccessKey: secret().describe('What its requests are signed with.')
})

const embedded = z.strictObject({
  limits: z
    .enum(['none', 'kinesis'])
    .prefault('none')
    .describe('kinesis: its API throttles as Amazon Kinesis does.'),
  credentials: z
    .array(credentials)
    .min(1)
    .optional()
    .describe('Users of its API. None: any, from this machine only.')
})

export type EmbeddedConfig = z.output<typeof embedded>

/** `engine:` of `gateway.yaml`. */
export const engineSchema = z.union(
  [z.literal('embedded'), z.strictObject({ embedded }), z.strictObject({ kinesis })],
  { error: 'must be embedded, or a map with embedded: { limits } or kinesis: { region }' }
)

export type EngineConfig = z.output<typeof engineSchema>

/** The service in which streams are kept, if it is not the gateway itself. */
export function remoteOf(engine: EngineConfig): KinesisConfig | undefined {
  return typeof engine === 'object' && 'kinesis' in engine ? engine.kinesis : undefined
}

/** Options of the embedded engine and its API. */
export function embeddedOf(engine: EngineConfig): EmbeddedConfig {
  return typeof engine === 'object' && 'embedded' in engine ? engine.embedded : { limits: 'none' }
}
