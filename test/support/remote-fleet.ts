import { appendFile } from 'node:fs/promises'
import type { TestContext } from 'node:test'
import type { ConfigStatus } from '../../gateway/remote-config/config-status.ts'
import { RemoteConfigs } from '../../gateway/remote-config/remote-configs.ts'
import { makeConfigKeys, signConfig, type Target } from '../../shared/signed-config.ts'
import { eventually, type Program, readAll } from './programs.ts'
import { type Combination, Scenario } from './scenario.ts'

/** A gateway, an agent that tails a file and asks for configuration every second, and an operator. */
export class RemoteFleet {
  readonly scenario: Scenario
  readonly agent: Program
  readonly #keys = makeConfigKeys()
  readonly #store: RemoteConfigs
  #version = 0

  private constructor(scenario: Scenario, via: Combination) {
    this.scenario = scenario
    this.agent = scenario.agent(['--config', scenario.path('agent.yaml')], { via })
    this.#store = new RemoteConfigs(scenario.path('gateway'))
  }

  static async create(
    t: TestContext,
    { health = '1s', via = 'http-cbor' }: { health?: string; via?: Combination } = {}
  ): Promise<RemoteFleet> {
    const scenario = await Scenario.create(t)
    await scenario.startGateway()
    await scenario.file('app.log', '')
    await scenario.file('other.log', 'from the other\n')
    const fleet = new RemoteFleet(scenario, via)
    await scenario.file(
      'agent.yaml',
      `sources: { app: { tail: ${scenario.path('app.log')}, from: start } }
buffer: { commitAge: 50ms }
sender: { timeout: 1s, backoff: { first: 50ms, max: 200ms } }
remote: { publicKey: "${fleet.#keys.publicKey}", poll: 1s, health: ${health}, group: vans${via.startsWith('mqtt') ? `, url: "${scenario.url}"` : ''} }
`
    )
    return fleet
  }

  /** Signs and hands out; resolves with the version. */
  async set(
    config: string,
    {
      version = ++this.#version,
      target = 'device/device-1',
      keys = this.#keys
    }: { version?: number; target?: Target; keys?: { privateKey: string } } = {}
  ): Promise<number> {
    await this.#store.set(signConfig({ version, target, config }, keys.privateKey))
    return version
  }

  async status(): Promise<ConfigStatus | undefined> {
    return (await this.#store.statuses()).get('device-1')
  }

  async settled(version: number, state: string): Promise<ConfigStatus> {
    return eventually(`version ${version} ${state}`, async () => {
      const status = await this.status()
      return status?.version === version && status.state === state ? status : undefined
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.agent.output}`, { cause: error })
    })
  }

  /** Waits for a refusal with this reason. */
  async refused(reason: RegExp): Promise<ConfigStatus> {
    return eventually(`refused with ${reason}`, async () => {
      const status = await this.status()
      return status?.state === 'rejected' && reason.test(status.error ?? '') ? status : undefined
    })
  }

  async tail(text: string): Promise<void> {
    await appendFile(this.scenario.path('app.log'), text)
  }

  async received(count: number) {
    return eventually(`${count} records`, async () => {
      const records = await readAll(this.scenario.url)
      return records.length >= count ? records : undefined
    })
  }

  bothSources(): string {
    const source = (name: string) => `{ tail: ${this.scenario.path(name)}, from: start }`
    return `sources: { app: ${source('app.log')}, other: ${source('other.log')} }\n`
  }
}
