import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { HeadwaterError } from '../../shared/errors.ts'
import { isLoopback } from '../../shared/listen-address.ts'
import type { StreamContext } from './context.ts'
import { GatewayClient } from './gateway-client.ts'
import { GatewayPlace } from './gateway-place.ts'
import { plainLog } from './plain-log.ts'
import type { StreamPlace } from './stream-place.ts'

interface PlaceOptions {
  readonly gateway: string
  readonly tokenFile?: string
  readonly endpoint?: string
  readonly region?: string
  readonly profile?: string
}

/** Runs `work` with the place that the options name. Rejects with `config` for a wrong option. */
export async function withPlace(
  command: Command,
  context: StreamContext,
  work: (place: StreamPlace) => Promise<void>
): Promise<void> {
  const options = command.optsWithGlobals<PlaceOptions>()
  const { endpoint } = options
  const place = await (endpoint === undefined
    ? gatewayPlace(options, context)
    : kinesisPlace(endpoint, options, context))
  try {
    await work(place)
  } finally {
    await place.close()
  }
}

async function gatewayPlace(
  { gateway, tokenFile }: PlaceOptions,
  context: StreamContext
): Promise<StreamPlace> {
  urlOf(gateway, '--gateway', 'http://127.0.0.1:8080')
  const token = tokenFile === undefined ? undefined : await readToken(tokenFile)
  return new GatewayPlace(new GatewayClient(gateway, token), context)
}

async function kinesisPlace(
  endpoint: string,
  { region, profile }: PlaceOptions,
  context: StreamContext
): Promise<StreamPlace> {
  const url = urlOf(endpoint, '--endpoint', 'https://kinesis.eu-central-1.amazonaws.com')
  const { env, clock, stderr } = context
  const isOpen =
    profile === undefined && !env['AWS_ACCESS_KEY_ID'] && !env['AWS_PROFILE'] && isLocal(url)
  // Loaded only when it is used, so that all else starts faster.
  const { KinesisPlace } = await import('./kinesis-place.ts')
  return KinesisPlace.open(
    {
      endpoint,
      region:
        region ?? regionOf(url) ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? 'us-east-1',
      ...(profile === undefined ? {} : { profile }),
      ...(isOpen ? { credentials: localCredentials } : {}),
      maxConnections: 16,
      refreshMs: 60_000,
      clock,
      log: plainLog(stderr)
    },
    context
  )
}

/** Services on this machine that stand in for Kinesis ask for a signature, but not for a secret. */
const localCredentials = { accessKeyId: 'local', secretAccessKey: 'local' }

function isLocal({ hostname }: URL): boolean {
  return isLoopback(hostname.replace(/^\[|\]$/g, ''))
}

/** `kinesis.<region>.amazonaws.com` */
function regionOf({ hostname }: URL): string | undefined {
  return /^kinesis(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com/.exec(hostname)?.[1]
}

function urlOf(text: string, flag: string, example: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && /^https?:$/.test(url.protocol)) return url
  throw new HeadwaterError('config', `${flag} must be a URL as in ${example}, not "${text}"`)
}

async function readToken(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (cause) {
    throw new HeadwaterError('config', `--token-file cannot be read: ${String(cause)}`, { cause })
  }
}
