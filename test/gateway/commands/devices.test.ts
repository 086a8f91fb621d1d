import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { DeviceStore } from '../../../gateway/admission/device-store.ts'
import { LedgerStore } from '../../../gateway/admission/ledger-store.ts'
import { devicesCommand } from '../../../gateway/commands/devices.ts'
import { systemClock } from '../../../shared/clock.ts'
import { systemRandom } from '../../../shared/random.ts'
import { FakeTerminal } from '../../support/fake-terminal.ts'
import { tempDir } from '../../support/temp-dir.ts'

const pem = '-----BEGIN THING-----\n-----END THING-----'

async function setup(t: TestContext, config = '') {
  const terminal = new FakeTerminal({ PEM: pem })
  const directory = await tempDir(t)
  const file = join(directory, 'gateway.yaml')
  await writeFile(file, `dataDir: ${directory}\n${config}`)
  const run = async (...args: string[]) => {
    const code = await terminal.run(
      [devicesCommand(terminal)],
      ['devices', ...args, '--config', file]
    )
    return code
  }
  const snippets = async (...args: string[]): Promise<Record<string, string>> => {
    assert.equal(await run('add', 'pi', '--json', ...args), 0, terminal.err)
    return JSON.parse(terminal.out).snippets
  }
  const store = new DeviceStore(directory, { clock: systemClock, random: systemRandom })
  return { terminal, run, snippets, directory, store }
}

test('the ways to send are those that this gateway listens for, in cleartext', async (t) => {
  const { terminal, snippets } = await setup(t, 'mqtt: 127.0.0.1:1999\n')
  const made = await snippets('--host', 'gw.example', '--stream', 'gps')
  const { token } = JSON.parse(terminal.out)
  assert.deepEqual(Object.keys(made), ['agent.yaml', 'agent', 'curl', 'mosquitto_pub', 'arduino'])
  assert.match(
    made['agent.yaml'] ?? '',
    /^device: pi\nto: http:\/\/gw\.example:8080\nstream: gps\n/
  )
  assert.match(made['agent'] ?? '', /--to http:\/\/gw\.example:8080 .*--token-file pi\.token$/)
  assert.match(made['curl'] ?? '', /http:\/\/gw\.example:8080\/v1\/streams\/gps\/records$/)
  assert.match(made['mosquitto_pub'] ?? '', /-h gw\.example -p 1999 -i pi -q 1 \\\n {2}-u pi -P '/)
  assert.match(made['arduino'] ?? '', /QoS 0[^]*setServer\("gw\.example", 1999\)/)
  assert.ok(made['arduino']?.includes(`mqtt.connect("pi", "pi", "${token}")`))
  for (const code of Object.values(made)) assert.doesNotMatch(code, /https|mqtts|ca\.pem|Secure/)
})

test('with TLS every way says whom to trust; where certificates are needed, which to show', async (t) => {
  const tls = 'tls: { cert: "${PEM}", key: "${PEM}"'
  const plain = await (await setup(t, `${tls} }\n`)).snippets()
  for (const [name, code] of Object.entries(plain)) {
    if (name !== 'agent') assert.match(code, /ca\.pem/, name)
    assert.doesNotMatch(code, /pi\.pem/, name)
  }
  const mutual = await (await setup(t, `${tls}, clientCa: "\${PEM}" }\n`)).snippets('--no-token')
  for (const [name, code] of Object.entries(mutual)) {
    if (name !== 'agent') assert.match(code, /pi\.pem/, name)
    assert.doesNotMatch(code, /token|Bearer|-P /, name)
  }
})

test('a front that is off is not offered', async (t) => {
  const { snippets } = await setup(t, 'http: off\nmqtt: "[::1]:1883"\n')
  const made = await snippets()
  assert.deepEqual(Object.keys(made), ['agent.yaml', 'agent', 'mosquitto_pub', 'arduino'])
  assert.match(made['agent.yaml'] ?? '', /to: mqtt:\/\/\[::1\]:1883/)
  assert.match(made['mosquitto_pub'] ?? '', /-h ::1 /)
})

test('a device without a token has its rights in the store and no hash', async (t) => {
  const { run, store, terminal } = await setup(t)
  assert.equal(await run('add', 'truck', '--no-token', '--stream', 'gps'), 0, terminal.err)
  assert.match(terminal.out, /^truck comes with a certificate or a JWT\n/)
  const [device] = await store.list()
  assert.deepEqual([device?.streams, device?.tokenSha256], [['gps'], undefined])
})

test('an unknown name can be revoked where certificates name devices, and nowhere else', async (t) => {
  const plain = await setup(t)
  assert.equal(await plain.run('revoke', 'truck'), 1)
  assert.match(plain.terminal.err, /no device "truck"/)
  const mutual = await setup(t, 'tls: { cert: "${PEM}", key: "${PEM}", clientCa: "${PEM}" }\n')
  assert.equal(await mutual.run('revoke', 'truck'), 0, mutual.terminal.err)
  assert.equal((await mutual.store.list())[0]?.device, 'truck')
  assert.equal(await mutual.run('revoke', 'a/b'), 1)
})

test('show gives the account of a device, and list when it was heard last', async (t) => {
  const { run, terminal, directory } = await setup(t)
  assert.equal(await run('add', 'pi'), 0)
  const ledger = await LedgerStore.open(directory, 1)
  const counts = { received: 12, stored: 9, repeated: 1, bytes: 700 }
  const reasons = { rejected: { too_large: 2 }, turnedAway: { throttled: 5 } }
  await ledger.add([
    { device: 'pi', ...counts, ...reasons, firstMs: 1_700_000_000_000, lastMs: 1_700_000_009_000 }
  ])
  await ledger.finish()
  await ledger.close()
  assert.equal(await run('show', 'pi'), 0, terminal.err)
  assert.deepEqual(
    terminal.out
      .trim()
      .split('\n')
      .map((line) => line.split(/ {2,}/)),
    [
      ['device', 'pi'],
      ['received', '12'],
      ['stored', '9'],
      ['repeated', '1'],
      ['rejected', '2 too_large'],
      ['turned away', '5 throttled'],
      ['bytes', '700'],
      ['first seen', '2023-11-14T22:13:20.000Z'],
      ['last seen', '2023-11-14T22:13:29.000Z']
    ]
  )
  assert.equal(await run('show', 'pi', '--json'), 0)
  assert.deepEqual(JSON.parse(terminal.out).rejected, { too_large: 2 })
  assert.equal(await run('list'), 0)
  assert.match(terminal.out, /pi +active .* 2023-11-14T22:13:29\.000Z\n$/)
  assert.equal(await run('show', 'absent'), 1)
  assert.match(terminal.err, /nothing ever came of a device "absent"/)
})
