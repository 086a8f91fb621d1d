import assert from 'node:assert/strict'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { z } from 'zod'
import { count, secret } from '../../../shared/config/fields.ts'
import { loadConfig } from '../../../shared/config/load-config.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { Secret } from '../../../shared/secret.ts'
import { tempDir } from '../../support/temp-dir.ts'

const schema = z.strictObject({
  dataDir: z.string(),
  token: secret().optional(),
  sender: z
    .strictObject({ frames: count({ max: 9 }).prefault(3), note: z.string().optional() })
    .prefault({})
})

async function setup(t: TestContext) {
  const directory = await tempDir(t)
  const file = join(directory, 'agent.yaml')
  await writeFile(file, 'dataDir: /data\nsender: { frames: 4, note: own }\n')
  const allowed = join(directory, 'allowed')
  await mkdir(allowed)
  await writeFile(join(allowed, 'token'), 'open sesame\n')
  await writeFile(join(directory, 'secret'), 'not for others\n')
  await symlink('../secret', join(allowed, 'link'))
  const env = { HEADWATER_FRAMES: '7', HOME_TOKEN: 'not for others' }
  const load = (text: string, folder: string | undefined = allowed) =>
    loadConfig(schema, {
      file,
      env,
      flags: [{ path: ['sender', 'frames'], value: 5, flag: '--frames' }],
      keepFiles: ['token'],
      overlay: {
        name: 'remote configuration 1',
        text,
        keys: ['token', 'sender'],
        directory: folder,
        envPrefix: 'HEADWATER_'
      }
    })
  const problem = (text: string, folder?: string) => {
    try {
      load(text, folder)
    } catch (error) {
      assert.ok(error instanceof HeadwaterError && error.code === 'config', String(error))
      return error.message
    }
    return 'none'
  }
  return { load, problem, directory, allowed }
}

test('a key takes the place of the whole key of the file and of its flags, and no other', async (t) => {
  const { load } = await setup(t)
  assert.deepEqual(load('sender: { frames: 6 }\n'), { dataDir: '/data', sender: { frames: 6 } })
  assert.deepEqual(load('sender: {}\n').sender, { frames: 3 })
  assert.deepEqual(load('').sender, { frames: 5, note: 'own' })
})

test('a key that is not in the list is refused, with the nearest one', async (t) => {
  const { problem } = await setup(t)
  assert.match(
    problem('dataDir: /x\n'),
    /^remote configuration 1:1:1: dataDir: may not be set from afar/
  )
  assert.match(problem('sendr: {}\n'), /did you mean "sender"/)
})

test('what is wrong is placed in the text it stands in', async (t) => {
  const { problem } = await setup(t)
  assert.match(
    problem('\nsender:\n  frames: 70\n'),
    /^remote configuration 1:3:11: sender\.frames: .*9$/
  )
})

test('files are read below the folder alone, whatever way leads out of it', async (t) => {
  const { load, problem, directory } = await setup(t)
  assert.equal(load('sender: { note: { file: token } }\n').sender.note, 'open sesame')
  const { token } = load('token: { file: ./token }\n')
  assert.ok(token instanceof Secret && token.file === join(directory, 'allowed/token'))
  for (const path of [
    '../secret',
    `${directory}/secret`,
    'link',
    '/etc/passwd',
    '../allowed-not/x'
  ]) {
    assert.match(problem(`token: { file: "${path}" }\n`), /token\.file: lies outside/, path)
    assert.match(problem(`sender: { note: { file: "${path}" } }\n`), /lies outside/, path)
  }
})

test('without a folder no file is read', async (t) => {
  const { allowed } = await setup(t)
  const load = () =>
    loadConfig(schema, {
      env: {},
      overlay: {
        name: 'remote',
        text: `sender: { note: { file: "${allowed}/token" } }\n`,
        keys: ['sender'],
        envPrefix: 'HEADWATER_'
      }
    })
  assert.throws(load, /no folder is configured/)
})

test('variables are read when their names begin as they must', async (t) => {
  const { load, problem } = await setup(t)
  assert.equal(load('sender: { frames: "${HEADWATER_FRAMES}" }\n').sender.frames, 7)
  assert.match(problem('token: ${HOME_TOKEN}\n'), /only names that begin with HEADWATER_/)
})
