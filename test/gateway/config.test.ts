import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { effectiveYaml } from '../../shared/config/effective.ts'
import type { FlagValue } from '../../shared/config/load-config.ts'
import { gatewaySchema, loadGatewayConfig } from '../../gateway/config.ts'
import { tempDir } from '../support/temp-dir.ts'

async function setup(t: TestContext, text: string, flags: FlagValue[] = []) {
  const file = join(await tempDir(t), 'gateway.yaml')
  await writeFile(file, text)
  return { file, load: () => loadGatewayConfig({ file, flags, env: { KEY: pem, CERT: pem } }) }
}

const pem = '-----BEGIN THING-----\nsesame\n-----END THING-----'
const withTls = 'tls: { cert: "${CERT}", key: "${KEY}" }\n'

test('the defaults are those of the command line', async (t) => {
  const config = await (await setup(t, '')).load()
  assert.deepEqual(
    { http: config.http, mqtt: config.mqtt, auth: config.auth, memory: config.memory },
    {
      http: { host: '127.0.0.1', port: 8080 },
      mqtt: { host: '127.0.0.1', port: 1883 },
      auth: 'off',
      memory: 256 * 1024 ** 2
    }
  )
  assert.deepEqual(Object.keys(config.streams), ['telemetry'])
  assert.deepEqual(
    [config.streams['telemetry']?.shards, config.streams['telemetry']?.retention],
    [4, 86_400_000]
  )
  assert.match(config.dataDir, /^\/.*headwater-data\/gateway$/)
})

test('what check prints loads to the same configuration', async (t) => {
  const { file, load } = await setup(
    t,
    'quotas: { recordsPerSecond: 5, devices: { a: { bytesPerSecond: 1 MiB } } }\nroutes:\n  - { topic: a/+, stream: s, key: "{1}" }\nlanes: { linger: 5ms }\nmqtt: off\n'
  )
  const config = await load()
  await writeFile(file, effectiveYaml(gatewaySchema, config))
  assert.deepEqual(await load(), config)
})

test('the private key is not printed', async (t) => {
  const printed = effectiveYaml(gatewaySchema, await (await setup(t, withTls)).load())
  assert.match(printed, /key: "\*\*\*"/)
})

test('a listener outside loopback needs authentication and TLS, or insecure written out', async (t) => {
  const open = 'http: 0.0.0.0:8080\nmqtt: "[::]:1883"\n'
  const refused = [open, `${open}auth: devices\n`, `${open}${withTls}`]
  for (const text of refused) {
    await assert.rejects((await setup(t, text)).load(), (error: Error) => {
      const lines = error.message.split('\n').map((line) => line.replace(/^.*gateway\.yaml/, ''))
      const rule =
        'can be reached from other machines: write "auth: devices" and "tls: { cert, key }", or "insecure: true" to do without'
      assert.deepEqual(lines, [`:1:7: http: ${rule}`, `:2:7: mqtt: ${rule}`])
      return true
    })
  }
  await (await setup(t, `${open}auth: devices\n${withTls}`)).load()
  await (await setup(t, `${open}insecure: true\n`)).load()
  await (await setup(t, 'http: localhost:1\nmqtt: off\n')).load()
})

test('an engine that there is not is refused naming those there are', async (t) => {
  await assert.rejects((await setup(t, 'engine: kafka\n')).load(), {
    code: 'config',
    message: /:1:9: engine: must be embedded, or a map with .*kinesis: \{ region \}$/
  })
})

test('the keys of the kinesis engine are checked one by one', async (t) => {
  const { engine } = await (await setup(t, 'engine: { kinesis: { region: eu-north-1 } }\n')).load()
  assert.deepEqual(engine, {
    kinesis: { region: 'eu-north-1', maxConnections: 16, refresh: 60_000 }
  })
  const wrong = {
    'kinesis: {}': /engine\.kinesis\.region: is missing$/,
    'kinesis: { region: r, steam: s }':
      /engine\.kinesis\.steam: unknown key; did you mean "stream"/,
    'kinesis: { region: r, endpoint: localhost }': /engine\.kinesis\.endpoint: must be a URL/,
    'kinesis: { region: r, maxConnections: 0 }': /engine\.kinesis\.maxConnections: must be from 1/
  }
  for (const [text, message] of Object.entries(wrong)) {
    await assert.rejects((await setup(t, `engine: { ${text} }\n`)).load(), { message })
  }
})

test('unknown keys are refused at every depth with the nearest one', async (t) => {
  const text =
    'stream: {}\nstreams: { a: { shard: 4 } }\nroutes: [{ topik: a, stream: b }]\nlimits: { boddy: 1 MiB }\n'
  await assert.rejects((await setup(t, text)).load(), (error: Error) => {
    for (const near of ['streams', 'shards', 'topic', 'body']) {
      assert.match(error.message, new RegExp(`did you mean "${near}"`))
    }
    return true
  })
})

test('certificates of clients are enough to listen outside loopback, when they are required', async (t) => {
  const open = 'http: 0.0.0.0:8080\nmqtt: off\n'
  const tls = 'tls: { cert: "${CERT}", key: "${KEY}", clientCa: "${CERT}"'
  await (await setup(t, `${open}${tls} }\n`)).load()
  await assert.rejects(
    (await setup(t, `${open}${tls}, clientAuth: allow }\n`)).load(),
    /auth: devices/
  )
  const alone = 'tls: { cert: "${CERT}", key: "${KEY}", clientAuth: require }\n'
  await assert.rejects((await setup(t, alone)).load(), /tls\.clientAuth: needs clientCa/)
})

test('a JWT needs one kind of key, an audience where others sign, and algorithms that fit', async (t) => {
  const jwt = async (text: string) => (await setup(t, `auth: { jwt: { ${text} } }\n`)).load()
  const { auth } = await jwt('keys: https://id.example/keys, audience: a')
  assert.deepEqual(auth, {
    jwt: { keys: 'https://id.example/keys', audience: 'a', deviceClaim: 'sub', leeway: 30_000 }
  })
  await jwt('secret: "${CERT}", algorithms: [HS512]')
  for (const [text, message] of [
    ['deviceClaim: id', /keys: write either keys \(a JWKS\) or secret/],
    ['keys: https://a/k, secret: x, audience: a', /write either/],
    ['keys: https://a/k', /audience: is needed with keys/],
    ['keys: http://a/k, audience: a', /keys: must be https/],
    ['keys: https://a/k, audience: a, algorithms: [HS256]', /HS256 does not fit/],
    ['secret: x, algorithms: [RS256]', /RS256 does not fit/]
  ] as const) {
    await assert.rejects(jwt(text), (error: Error) => {
      assert.match(error.message, message)
      return true
    })
  }
})
