import { z } from 'zod'
import { attempt, duration, flag, name } from '../../shared/config/fields.ts'
import { parsePublicKeys } from '../../shared/signed-config.ts'

/** What a remote configuration may have. All else is the ground it stands on. */
export const remoteKeys = [
  'to',
  'token',
  'tls',
  'format',
  'gzip',
  'stream',
  'sources',
  'streams',
  'sender',
  'link',
  'log'
] as const

const publicKey = z
  .codec(z.string(), z.custom<readonly string[]>(), {
    decode: (text, context) => attempt(context, text, () => parsePublicKeys(text)),
    encode: (keys) => keys.join(' ')
  })
  .meta({ title: 'public key' })

const httpUrl = z
  .string()
  .refine((text) => /^https?:/.test(text) && URL.canParse(text), 'must be a URL of http or https')
  .meta({ title: 'URL' })

/** Configuration that the gateway hands out. */
export const remoteOptions = z.strictObject({
  publicKey: publicKey.describe(
    'Key of `headwater-gateway config keygen`; several, to change from one to the next. What no such key signed is refused.'
  ),
  url: httpUrl
    .optional()
    .describe('HTTP front of the gateway; else that of `to`. Needed where `to` is MQTT alone.'),
  group: name().optional().describe('Takes the configurations of this group as well.'),
  poll: duration({ min: 1000 }).prefault('5m').describe('How often it asks, give or take a fifth.'),
  health: duration({ min: 1000 })
    .prefault('2m')
    .describe('How long a new configuration is watched before it is kept.'),
  overridable: z
    .array(z.enum(remoteKeys))
    .prefault([...remoteKeys])
    .describe('Keys that it may have.'),
  files: z
    .string()
    .min(1)
    .optional()
    .describe('Folder of the files that it may name as `{ file }`; none: it may name none.'),
  commands: flag()
    .prefault(false)
    .describe(
      'Allow it sources that run commands: `exec`, and programs in the place of those that `gpio` and `sensors` run.'
    )
})

export type RemoteOptions = z.output<typeof remoteOptions>

/** What is wrong with `remote` beside these gateways. */
export function remoteProblem(
  remote: RemoteOptions | undefined,
  to: readonly string[]
): string | undefined {
  if (!remote || remote.url !== undefined || to.some((url) => url.startsWith('http'))) {
    return undefined
  }
  return 'is missing: configuration is asked for over HTTP, and "to" has MQTT alone; write the HTTP front of the gateway'
}
