import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { assertOnceInOrderByKey } from '../support/oracle.ts'
import { Program, readAll, ready } from '../support/programs.ts'
import { Scenario } from '../support/scenario.ts'
import { ClientProcess } from './client-process.ts'
import { compatFolder } from './compat-folder.ts'
import { KeyedStream } from './keyed-stream.ts'
import { clientEnvironment, region } from './kinesis-gateway.ts'

const peers = join(compatFolder, 'peers')

before(() => {
  if (existsSync(join(peers, 'node_modules/kinesalite'))) return
  const options = ['ci', '--omit=optional', '--no-audit', '--no-fund']
  const done = spawnSync('npm', options, { cwd: peers, encoding: 'utf8' })
  assert.equal(done.status, 0, `npm ci failed in ${peers}\n${done.stdout}${done.stderr}`)
})

test('the gateway writes to and reads from kinesalite as from any Kinesis, through a split', async (t) => {
  const kinesalite = new ClientProcess(t, [process.execPath, join(peers, 'kinesalite.mjs')])
  const port = await kinesalite.until('kinesalite listens', () => kinesalite.lines[0])
  const endpoint = `http://127.0.0.1:${port}`
  // It speaks HTTP/1.1 only.
  const stream = await KeyedStream.create(t, endpoint, { requestHandler: new NodeHttpHandler() })
  const scenario = await Scenario.create(t)
  const config = await scenario.file(
    'gateway.yaml',
    `engine: { kinesis: { region: ${region}, endpoint: '${endpoint}', stream: ${stream.name}, refresh: 1s } }\nkinesis: off\n`
  )
  const gateway = new Program(t, 'gateway', {
    args: [
      'run',
      ...['--config', config, '--data-dir', scenario.path('gateway')],
      ...['--http', `127.0.0.1:${scenario.httpPort}`, '--mqtt', 'off']
    ],
    env: clientEnvironment
  })
  gateway.start()
  await ready(scenario.url, gateway)
  for (let i = 0; i < 20; i++) {
    if (i === 10) await stream.split()
    await stream.post(scenario.url, 100)
  }
  assertOnceInOrderByKey(await readAll(scenario.url, stream.name), stream.written)
})
