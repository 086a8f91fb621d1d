import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { loadAgentConfig } from '../../../agent/config.ts'
import { RemoteConfig, StoredConfigs } from '../../../agent/remote/remote.ts'
import type { Overlay } from '../../../shared/config/overlay.ts'
import { systemClock } from '../../../shared/clock.ts'
import { createLog } from '../../../shared/log.ts'
import { makeConfigKeys, signConfig, signedConfigType } from '../../../shared/signed-config.ts'
import { cleanUp } from '../../support/cleanup.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { FakeAgent } from './fake-agent.ts'

const keys = makeConfigKeys()

/** A gateway that hands out this text and takes every report; resolves with its URL. */
async function gateway(t: TestContext, text: string): Promise<string> {
  const server = createServer((request, response) => {
    if (request.method === 'PUT') response.writeHead(204).end()
    else response.writeHead(200, { 'content-type': signedConfigType }).end(text)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUp(t, async () => void server.close())
  const address = server.address()
  return typeof address === 'object' ? `http://127.0.0.1:${address?.port}` : ''
}

class DyingAgent extends FakeAgent {
  readonly name = 'agent'

  override async reload(): Promise<void> {
    throw new Error('the disk is gone')
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {}

  finished(): Promise<void> {
    return new Promise(() => undefined)
  }
}

test('a process whose agent cannot be brought back ends, for its supervisor to start it', async (t) => {
  const config = 'log: { level: debug }\n'
  const to = await gateway(t, signConfig({ version: 1, target: 'all', config }, keys.privateKey))
  const dataDir = await tempDir(t)
  const file = join(dataDir, 'agent.yaml')
  await writeFile(
    file,
    `{ to: "${to}", dataDir: ${dataDir}, sources: { app: { tail: /x } }, remote: { publicKey: "${keys.publicKey}" } }`
  )
  const load = (overlay?: Overlay) => loadAgentConfig({ file, env: {}, overlay })
  const log = createLog('test', 'silent')
  const clock = systemClock
  const random = { fraction: () => 0, bytes: (count: number) => Buffer.alloc(count) }
  const configs = new StoredConfigs({ local: await load(), load, clock, log })
  const start = await configs.begin()
  const agent = new DyingAgent()
  const remote = new RemoteConfig({ agent, configs, start, clock, random, log })
  cleanUp(t, () => remote.stop(AbortSignal.abort()))
  const { signal } = new AbortController()
  await remote.start(signal)
  await assert.rejects(remote.finished(signal), /the disk is gone/)
  await remote.stop(AbortSignal.abort())
  assert.equal(configs.state.report?.state, 'rolled_back')
})
