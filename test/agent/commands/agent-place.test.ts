import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { configOf, dataDirOf, withCredentials } from '../../../agent/commands/agent-place.ts'
import { cleanUp } from '../../support/cleanup.ts'
import { tempDir } from '../../support/temp-dir.ts'

const env = { HOME: '/home/pi' }

test('the flag comes before the file, and a file that says nothing means the usual place', async (t) => {
  const config = join(await tempDir(t), 'agent.yaml')
  await writeFile(config, 'dataDir: ${HOME}/data\ntoken: { file: "${UNSET}/token" }\nnonsense: 1\n')
  assert.equal(dataDirOf({ config }, { env }), '/home/pi/data')
  assert.equal(dataDirOf({ config, dataDir: '/d' }, { env }), '/d')
  await writeFile(config, 'device: pi\n')
  assert.equal(dataDirOf({ config }, { env }), resolve('headwater-data/agent'))
})

test('the file and the data directory are always those of one agent', async (t) => {
  assert.equal(configOf({ config: 'a.yaml', dataDir: '/d' }), 'a.yaml')
  assert.equal(configOf({ dataDir: '/d' }), undefined)
  const here = process.cwd()
  process.chdir(await tempDir(t))
  cleanUp(t, () => process.chdir(here))
  await mkdir('headwater-data/agent', { recursive: true })
  assert.equal(configOf({}), undefined)
  assert.equal(dataDirOf({}, { env }), resolve('headwater-data/agent'))
  await writeFile('agent.yaml', 'dataDir: /elsewhere\n')
  assert.equal(configOf({}), 'agent.yaml')
  assert.equal(dataDirOf({}, { env }), '/elsewhere')
})

test('a file that cannot be read, or understood, is a mistake of the command line', async (t) => {
  const config = join(await tempDir(t), 'agent.yaml')
  assert.throws(() => dataDirOf({ config }, { env }), { code: 'config', message: /cannot be read/ })
  await writeFile(config, 'dataDir: [')
  assert.throws(() => dataDirOf({ config }, { env }), { code: 'config' })
})

test('credentials are those of systemd, and for a command that is typed the files of the package', () => {
  assert.deepEqual(withCredentials({}), { CREDENTIALS_DIRECTORY: '/etc/headwater' })
  const ofSystemd = { CREDENTIALS_DIRECTORY: '/run/credentials/x', HOME: '/' }
  assert.deepEqual(withCredentials(ofSystemd), ofSystemd)
})
