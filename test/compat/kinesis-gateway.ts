import type { TestContext } from 'node:test'
import { freePort, type Program } from '../support/programs.ts'
import { Scenario } from '../support/scenario.ts'

/** A gateway in a process of its own, and where Kinesis clients find it. */
export interface KinesisGateway {
  readonly scenario: Scenario
  readonly gateway: Program
  /** Plaintext, HTTP/1.1 and HTTP/2. */
  readonly url: string
  readonly tlsPort: number
}

export const region = 'us-east-1'

export async function startKinesis(t: TestContext): Promise<KinesisGateway> {
  const scenario = await Scenario.create(t)
  const port = await freePort()
  const tlsPort = await freePort()
  const listeners = ['--kinesis', `127.0.0.1:${port}`, '--kinesis-tls', `127.0.0.1:${tlsPort}`]
  const gateway = await scenario.startGateway(listeners)
  return { scenario, gateway, url: `http://127.0.0.1:${port}`, tlsPort }
}

/** What a client finds in its environment: credentials, a region, and no other source of either. */
export const clientEnvironment: Readonly<Record<string, string>> = {
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_REGION: region,
  AWS_DEFAULT_REGION: region,
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_PAGER: ''
}
