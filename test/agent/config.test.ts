import assert from 'node:assert/strict'
import { mkdir, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { agentSchema, loadAgentConfig } from '../../agent/config.ts'
import { allKinds } from '../../agent/kinds.ts'
import { capBytes, deviceName, inspectMachine, mediaPresets } from '../../agent/machine.ts'
import { effectiveYaml } from '../../shared/config/effective.ts'
import { isName } from '../../shared/record.ts'
import { tempDir } from '../support/temp-dir.ts'

const kinds = await allKinds()

async function setup(t: TestContext, text: string) {
  const file = join(await tempDir(t), 'agent.yaml')
  await writeFile(file, text)
  return { file, load: () => loadAgentConfig({ file, env: { TOKEN: 'open sesame' } }) }
}

const least = 'to: http://127.0.0.1:8080\nsources: { app: { tail: /var/log/app.log } }\n'

/** The problems without the path of the file. */
async function problems(t: TestContext, text: string): Promise<string[]> {
  const { load } = await setup(t, text)
  return load().then(
    () => [],
    (error: Error) => error.message.split('\n').map((line) => line.replace(/^.*agent\.yaml/, ''))
  )
}

test('with a gateway and a source all else has a default', async (t) => {
  const config = await (await setup(t, least)).load()
  const { to, stream, format, gzip, health, buffer } = config
  assert.deepEqual(
    [to, stream, format, gzip],
    [['http://127.0.0.1:8080'], 'telemetry', 'cbor', false]
  )
  assert.deepEqual(health.listen, { host: '127.0.0.1', port: 9464 })
  assert.deepEqual([buffer.frame, buffer.segment], [256 * 1024, 16 * 1024 ** 2])
  assert.ok(buffer.cap > 0 && buffer.cap <= 256 * 1024 ** 2)
  assert.ok(isName(config.device))
})

test('what depends on the medium follows it, unless it is written out', async (t) => {
  const card = await (await setup(t, `${least}buffer: { media: sd-card }\n`)).load()
  const { commitAge, pageSize, compression } = card.buffer
  assert.deepEqual({ commitAge, pageSize, compression }, mediaPresets['sd-card'])
  const text = `${least}buffer: { media: sd-card, commitAge: 3s, compression: none, pageSize: 4096 }\n`
  const { buffer } = await (await setup(t, text)).load()
  assert.deepEqual([buffer.commitAge, buffer.compression, buffer.pageSize], [3000, 'none', 4096])
})

test('every source type is known by its key, and what check prints loads to the same', async (t) => {
  const { file, load } = await setup(
    t,
    `device: a\ntoken: \${TOKEN}\n${least}  # and the others\nstreams: { x: { overflow: block } }\nbuffer: { cap: 10% }\n`
  )
  const config = await load()
  const printed = effectiveYaml(agentSchema(kinds), config)
  assert.doesNotMatch(printed, /sesame/)
  await writeFile(file, printed.replace('token: "***"', 'token: ${TOKEN}'))
  assert.deepEqual(await load(), config)
  const all =
    'sources: { a: { tail: /x }, b: { stdin: true }, c: { http: "127.0.0.1:0" }, d: { metrics: 5s } }\n'
  const every = await setup(t, `to: mqtt://a\n${all}`)
  const first = await every.load()
  await writeFile(every.file, effectiveYaml(agentSchema(kinds), first))
  assert.deepEqual(await every.load(), first)
  assert.deepEqual(
    Object.values(first.sources).map((one) => one.kind),
    ['tail', 'stdin', 'http', 'metrics']
  )
})

test('the options of a source are kept apart from what all sources have', async (t) => {
  const text =
    'to: http://a\nsources: { app: { metrics: 5s, stream: s, partitionKey: k, priority: high } }\n'
  const { app } = (await (await setup(t, text)).load()).sources
  assert.deepEqual(
    [app?.kind, app?.stream, app?.partitionKey, app?.priority],
    ['metrics', 's', 'k', 'high']
  )
  assert.ok(!Object.hasOwn(Object(app?.options), 'priority'))
})

test('no source has an option of its own by the name of one that all sources have', () => {
  for (const [key, type] of kinds.sources) {
    const common = ['stream', 'partitionKey', 'priority', 'transforms']
    const own = Object.keys(type.options.shape).filter((name) => common.includes(name))
    assert.deepEqual(own, [], key)
  }
})

test('a wrong source is named with what is wrong in it', async (t) => {
  const keys = [...kinds.sources.keys()].join(', ')
  const rule = `a source must have exactly one of the keys ${keys}, which says what it reads`
  assert.deepEqual(
    await problems(
      t,
      'to: http://a\nsources:\n  a: { tial: /x }\n  b: { tail: /x, metrics: 5s }\n  c: { tail: /x, prioritty: high }\n  d: 5\n'
    ),
    [
      `:3:6: sources.a: ${rule}; did you mean "tail" by "tial"?`,
      `:4:6: sources.b: ${rule}`,
      ':5:18: sources.c.prioritty: unknown key; did you mean "priority"?',
      ':6:6: sources.d: must be a map'
    ]
  )
})

test('without a gateway or a source it says how to give one', async (t) => {
  assert.match(
    (await problems(t, ''))[0] ?? '',
    /: to: is missing: where shall records go\? as in --to/
  )
  assert.match(
    (await problems(t, 'to: http://a\n'))[0] ?? '',
    /sources: there is no source: add one .*--tail/
  )
})

test('a gateway is a URL that is known, without a password', async (t) => {
  assert.match(
    (await problems(t, 'to: ftp://a\nsources: { a: { stdin: true } }\n'))[0] ?? '',
    /:1:5: to: must be a URL/
  )
  assert.match(
    (await problems(t, 'to: [http://a, mqtt://u:p@b]\n'))[0] ?? '',
    /:1:16: to\[1\]: must not hold a user/
  )
})

test('an open health listener is refused with what to write', async (t) => {
  const open = `${least}health: { listen: "0.0.0.0:9464" }\n`
  assert.match((await problems(t, open))[0] ?? '', /health\.listen: .*"insecure: true"/)
  assert.deepEqual(await problems(t, open.replace('9464" }', '9464", insecure: true }')), [])
})

test('the cap follows the disk', () => {
  const gib = 1024 ** 3
  assert.equal(capBytes('auto', gib), Math.floor(gib / 10))
  assert.equal(capBytes('auto', 100 * gib), 256 * 1024 ** 2)
  assert.equal(capBytes({ percent: 50 }, gib), gib / 2)
  assert.equal(capBytes(gib, gib), gib)
  assert.throws(() => capBytes(5, gib), { code: 'config', message: /buffer.cap/ })
})

test('a host name becomes a device id', () => {
  assert.equal(deviceName('pi.kitchen'), 'pi.kitchen')
  assert.equal(deviceName('Küche 1'), 'K-che-1')
  assert.equal(deviceName(''), 'device')
  assert.ok(isName(deviceName('x'.repeat(300))))
})

test('a data directory on mmcblk counts as an SD card, also before it exists', async (t) => {
  const directory = await tempDir(t)
  const { dev } = await stat(directory)
  const [major, minor] = [(dev >>> 8) & 0xfff, (dev & 0xff) | ((dev >>> 12) & 0xfff00)]
  const block = join(directory, 'devices/mmcblk0/mmcblk0p2')
  await mkdir(block, { recursive: true })
  await mkdir(join(directory, 'dev/block'), { recursive: true })
  const roots = { sys: directory, proc: directory }
  assert.equal((await inspectMachine(directory, roots)).media, 'ssd')
  await symlink(block, join(directory, 'dev/block', `${major}:${minor}`))
  assert.equal((await inspectMachine(join(directory, 'not/yet/there'), roots)).media, 'sd-card')
})

test('options of a source that contradict each other are refused where they stand', async (t) => {
  const cases = [
    ['exec: ls', /^:2:.*sources\.a: write either "every:"/],
    ['syslog: "udp://0.0.0.0:514"', /^:2:.*sources\.a: udp:.*"insecure: true"/],
    ['syslog: "tcp://127.0.0.1:1", allow: [x]', /sources\.a: allow: "x" is no address/],
    ['http: "0.0.0.0:1"', /^:2:.*sources\.a: 0\.0\.0\.0:1 can be reached/],
    ['mqtt: "mqtt://a", topics: ["a/#/b"]', /topics\[0\]: must be a topic filter/],
    ['mqtt: "mqtt://a", topics: ["a+/b"]', /topics\[0\]: must be a topic filter/]
  ] as const
  for (const [source, message] of cases) {
    const found = await problems(t, `to: http://a\nsources: { a: { ${source} } }\n`)
    assert.equal(found.length, 1)
    assert.match(found[0] ?? '', message)
  }
  const filters = 'topics: ["#", "+", "a/+/b/#", "/", "$share/g/a"]'
  assert.deepEqual(
    await problems(t, `to: http://a\nsources: { a: { mqtt: "mqtt://a", ${filters} } }\n`),
    []
  )
})

test('two hundred sources with nested options are not too many', async (t) => {
  const transforms =
    '[{ parse: json }, { enrich: { fields: { a: 1, b: 2 } } }, { redact: { detect: [email] } }]'
  const sources = Array.from(
    { length: 200 },
    (_, i) => `  s${i}: { metrics: 5s, transforms: ${transforms} }\n`
  )
  const { load } = await setup(t, `to: http://a\nsources:\n${sources.join('')}`)
  assert.equal(Object.keys((await load()).sources).length, 200)
})

test('a file that cannot be read is named once', async (t) => {
  const text = '{ metrics: 5s, transforms: [{ redact: { hashKey: { file: none } } }] }'
  const found = await problems(t, `to: http://a\nsources: { a: ${text} }\n`)
  assert.equal(found.filter((line) => line.includes('cannot be read')).length, 1)
})
