import type { Kinesis } from '@aws-sdk/client-kinesis'

/** Where a Kinesis is and as whom it is called. */
export interface KinesisAccess {
  readonly region: string
  /** URL of another service than the region's own. */
  readonly endpoint?: string
  /** Profile of the AWS configuration files. */
  readonly profile?: string
  /** In place of the SDK's standard credential chain. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string }
  readonly maxConnections: number
}

/** The SDK's clients for one Kinesis; both share the connections. */
export interface KinesisCalls {
  /** Attempts each call once: what is not stored is resent in order by whoever put it. */
  readonly puts: Kinesis
  /** Attempts each call again, with backoff, when it was throttled or not answered. */
  readonly calls: Kinesis
  close(): Promise<void>
}

/** Loads the SDK, which takes time and memory that no other engine needs. */
export async function openKinesis(access: KinesisAccess): Promise<KinesisCalls> {
  const { Kinesis: Client } = await import('@aws-sdk/client-kinesis')
  const { HttpHandler } = await import('./http-handler.ts')
  const { region, endpoint, profile, credentials, maxConnections } = access
  const handler = new HttpHandler(maxConnections)
  const config = {
    region,
    requestHandler: handler,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(profile === undefined ? {} : { profile }),
    ...(credentials ? { credentials } : {})
  }
  return {
    puts: new Client({ ...config, maxAttempts: 1 }),
    calls: new Client({ ...config, maxAttempts: 4 }),
    close: () => handler.close()
  }
}
