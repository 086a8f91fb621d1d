import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { z } from 'zod'
import { effectiveYaml } from '../../../shared/config/effective.ts'
import {
  byteSize,
  count,
  duration,
  flag,
  listener,
  name,
  pemKey,
  secret
} from '../../../shared/config/fields.ts'
import { type FlagValue, loadConfig } from '../../../shared/config/load-config.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { Secret } from '../../../shared/secret.ts'
import { tempDir } from '../../support/temp-dir.ts'

const schema = z.strictObject({
  device: name().prefault('pi'),
  to: z.union([z.string(), z.array(z.string()).min(1)]).optional(),
  token: secret().optional(),
  gzip: flag().prefault(false),
  listen: listener().prefault('127.0.0.1:80'),
  key: pemKey().optional(),
  buffer: z
    .strictObject({
      cap: byteSize({ min: 1024 }).prefault('256 MiB'),
      age: duration({ max: 60_000 }).prefault('1s'),
      frames: count({ min: 1, max: 9 }).prefault(3)
    })
    .prefault({}),
  streams: z
    .record(name(), z.strictObject({ overflow: z.enum(['drop-oldest', 'block']) }))
    .prefault({})
})

const pem = '-----BEGIN PRIVATE KEY-----\nsesame\n-----END PRIVATE KEY-----'

async function setup(t: TestContext, text: string) {
  const directory = await tempDir(t)
  const file = join(directory, 'agent.yaml')
  await writeFile(file, text)
  const env = { TOKEN: 'open sesame', FRAMES: '4', GZIP: 'true', EMPTY: '' }
  const load = (flags: FlagValue[] = []) =>
    loadConfig(schema, { file, flags, env, keepFiles: ['token'] })
  /** What loading complains about, without the path of the file. */
  const problems = (flags: FlagValue[] = []) => {
    try {
      load(flags)
    } catch (error) {
      assert.ok(error instanceof HeadwaterError)
      assert.equal(error.code, 'config')
      return error.message.replaceAll(`${directory}/`, '').split('\n')
    }
    return []
  }
  return { directory, file, load, problems }
}

test('an empty file gives every default', async (t) => {
  const { load } = await setup(t, '')
  assert.deepEqual(load(), {
    device: 'pi',
    gzip: false,
    listen: { host: '127.0.0.1', port: 80 },
    buffer: { cap: 256 * 1024 ** 2, age: 1000, frames: 3 },
    streams: {}
  })
})

test('every problem is reported at once, in the order of the file, with line, column and key', async (t) => {
  const { problems } = await setup(
    t,
    [
      'to: 5',
      'buffer:',
      '  cpa: 1 KiB',
      '  cap: 12',
      '  age: 5h',
      '  frames: many',
      'streams:',
      '  "a b": { overflow: block }',
      '  ok: { overflow: maybe, order: x }',
      'gzip: perhaps',
      'listen: here',
      'wibble: 1'
    ].join('\n')
  )
  assert.deepEqual(problems(), [
    'agent.yaml:1:5: to: must be text (in quotes where it looks like a number) or a list',
    'agent.yaml:3:3: buffer.cpa: unknown key; did you mean "cap"?',
    'agent.yaml:4:8: buffer.cap: must be a size such as "256 MiB"',
    'agent.yaml:5:8: buffer.age: must be from 0ms to 1m',
    'agent.yaml:6:11: buffer.frames: must be a whole number, not "many"',
    'agent.yaml:8:3: streams.a b: must be 1 to 128 characters of a-z A-Z 0-9 _ . -',
    'agent.yaml:9:19: streams.ok.overflow: must be drop-oldest or block',
    'agent.yaml:9:26: streams.ok.order: unknown key; here may stand: overflow',
    'agent.yaml:10:7: gzip: must be true or false',
    'agent.yaml:11:9: listen: "here" is not an address: write HOST:PORT, as in "127.0.0.1:8080"',
    'agent.yaml:12:1: wibble: unknown key; here may stand: device, to, token, gzip, listen, key, buffer, streams'
  ])
})

test('a missing key is reported at the map that lacks it', async (t) => {
  const { problems } = await setup(t, 'device: a\nstreams:\n  s: {}\n')
  assert.deepEqual(problems(), ['agent.yaml:3:3: streams.s.overflow: is missing'])
})

test('a mistake in the YAML itself is reported once, with its place', async (t) => {
  const { problems } = await setup(t, 'device: a\nbuffer: { frames: ${FRAMES} }\ngzip: true\n')
  const [first, ...others] = problems()
  assert.match(
    first ?? '',
    /^agent\.yaml:2:\d+: .*between \{ \} or \[ \] write "\$\{NAME\}" in quotes$/
  )
  assert.deepEqual(others, [])
  const twice = await setup(t, 'device: a\ndevice: b\n')
  assert.match(twice.problems()[0] ?? '', /^agent\.yaml:2:1: .*unique/)
})

test('a file that is no map, or cannot be read, is refused by name', async (t) => {
  const { problems, directory } = await setup(t, '- a\n- b\n')
  assert.deepEqual(problems(), ['agent.yaml: must be a map of keys and values'])
  const file = join(directory, 'absent.yaml')
  assert.throws(() => loadConfig(schema, { file, env: {} }), { code: 'config', message: /absent/ })
})

test('${ENV} is filled in anywhere, $${ stays, and one that is not set is named with its key', async (t) => {
  const { load } = await setup(
    t,
    'device: "${EMPTY}d$${x}"\nbuffer:\n  frames: ${FRAMES}\ngzip: ${GZIP}\nto: [a, "http://${TOKEN}/"]\n'
  )
  assert.throws(load, { message: /device: must be 1 to 128 characters/ })
  const good = await setup(
    t,
    'buffer:\n  frames: ${FRAMES}\ngzip: ${GZIP}\nto: ["a$${b}", "${TOKEN}!"]\n'
  )
  const config = good.load()
  assert.deepEqual([config.buffer.frames, config.gzip], [4, true])
  assert.deepEqual(config.to, ['a${b}', 'open sesame!'])
  const bad = await setup(t, 'device: a\nto: ${NOPE}\n')
  assert.deepEqual(bad.problems(), ['agent.yaml:2:5: to: ${NOPE} is not set in the environment'])
})

test('{ file: path } is read from beside the configuration and trimmed', async (t) => {
  const { load, directory, problems } = await setup(t, 'device: { file: name.txt }\n')
  await writeFile(join(directory, 'name.txt'), ' pi-7 \n')
  assert.equal(load().device, 'pi-7')
  await writeFile(join(directory, 'agent.yaml'), 'device:\n  file: absent.txt\n')
  assert.match(problems()[0] ?? '', /^agent\.yaml:2:9: device\.file: cannot be read: .*ENOENT/)
})

test('a secret in a file is read when it is needed, so a new one is taken without a restart', async (t) => {
  const { load, directory } = await setup(t, 'token: { file: token.txt }\n')
  const { token } = load()
  await assert.rejects(async () => token?.read(), { code: 'config', message: /token\.txt/ })
  await writeFile(join(directory, 'token.txt'), 'first\n')
  assert.equal(await token?.read(), 'first')
  await writeFile(join(directory, 'token.txt'), 'second\n')
  assert.equal(await token?.read(), 'second')
})

test('secrets are never printed, and what is printed loads to the same configuration', async (t) => {
  const { load, directory, file } = await setup(
    t,
    `token: { file: token.txt }\nbuffer: { cap: 1.5 KiB, age: 1500ms }\nstreams: { a: { overflow: block } }\n`
  )
  const config = load()
  const text = effectiveYaml(schema, config)
  await writeFile(file, text)
  assert.deepEqual(load(), config)
  assert.match(text, new RegExp(`token:\\n  file: ${directory}/token.txt`))
  await writeFile(file, `token: \${TOKEN}\nkey: |\n  ${pem.replaceAll('\n', '\n  ')}\n`)
  const printed =
    effectiveYaml(schema, load()) + JSON.stringify(load().token) + String(load().token)
  assert.doesNotMatch(printed, /sesame/)
  assert.match(printed, /token: "\*\*\*"\n[^]*key: "\*\*\*"/)
})

test('two secrets differ when their texts do, though neither shows its own', () => {
  const [first, second] = [Secret.text('sesame'), Secret.text('sodium')]
  assert.notDeepEqual(first, second)
  assert.deepEqual(first, Secret.text('sesame'))
  assert.doesNotMatch(inspect({ first }, { showHidden: true }) + JSON.stringify(first), /sesame/)
})

test('a flag goes before the file and is named in complaints', async (t) => {
  const { load, problems } = await setup(t, 'device: a\nbuffer: { frames: 5 }\n')
  const device: FlagValue = { path: ['device'], value: 'b', flag: '--device' }
  const frames: FlagValue = { path: ['buffer', 'frames'], value: '99', flag: '--frames' }
  assert.equal(load([device]).device, 'b')
  assert.deepEqual(load([device]).buffer.frames, 5)
  assert.deepEqual(problems([frames]), ['--frames: must be from 1 to 9'])
})

test('an alias may not contain itself or unfold to a bomb', async (t) => {
  const { problems } = await setup(t, 'to: &a [*a]\n')
  assert.match(problems()[0] ?? '', /to: is too large or contains itself/)
  const levels = Array.from(
    { length: 9 },
    (_, i) => `l${i}: &l${i} [${`*l${i - 1}, `.repeat(i > 0 ? 9 : 0)}x]`
  )
  const bomb = await setup(t, `${levels.join('\n')}\n`)
  assert.ok(bomb.problems().some((line) => line.includes('is too large')))
})

test('no text makes the loader fail in any way but with a config error', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.jsonValue(), (text, value) => {
      for (const [key, given] of Object.entries({
        device: value,
        buffer: value,
        streams: value,
        to: text
      })) {
        try {
          loadConfig(schema, { env: {}, flags: [{ path: [key], value: given, flag: `--${key}` }] })
        } catch (error) {
          assert.ok(error instanceof HeadwaterError && error.code === 'config', String(error))
        }
      }
    })
  )
})
