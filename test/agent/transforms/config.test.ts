import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { agentSchema, loadAgentConfig } from '../../../agent/config.ts'
import { allKinds } from '../../../agent/kinds.ts'
import { effectiveYaml } from '../../../shared/config/effective.ts'
import { tempDir } from '../../support/temp-dir.ts'

const kinds = await allKinds()

async function setup(t: TestContext, transforms: string) {
  const directory = await tempDir(t)
  const file = join(directory, 'agent.yaml')
  const source = `{ tail: /var/log/app.log, transforms: ${transforms} }`
  await writeFile(file, `to: http://127.0.0.1:8080\nsources:\n  app: ${source}\n`)
  return { directory, file, load: () => loadAgentConfig({ file, env: {} }) }
}

test('what check prints of transforms loads to the same', async (t) => {
  const { file, load } = await setup(
    t,
    `[{ parse: json }, { parse: { format: logfmt, field: log } }, { filter: 'level != "debug"' },
      { sample: 0.5 }, { sample: { rate: 0.1, by: trace } }, { dedupe: 10s }, { dedupe: { window: 1m, remember: 5 } },
      { redact: [email] }, { redact: { patterns: [x] } }, { rename: { drop: [a] } }, { enrich: { host: [os], fields: { n: 1 } } },
      { key: id }, { deadband: { fields: { t: 1%, u: 2 }, maxInterval: 1m } }, { downsample: { every: 10s, fields: { t: [min, max] } } }]`
  )
  const config = await load()
  assert.equal(config.sources['app']?.transforms.length, 14)
  await writeFile(file, effectiveYaml(agentSchema(kinds), config))
  assert.deepEqual(await load(), config)
})

test('a mistake is named with the file, the line, the source, the place and the position', async (t) => {
  const { load, file } = await setup(t, `[{ parse: json }, { filter: 'level ==' }]`)
  await assert.rejects(load(), (error: Error) => {
    assert.ok(error.message.startsWith(`${file}:3:`), error.message)
    assert.match(
      error.message,
      /sources\.app\.transforms\[1\]\.filter: is not an expression at char/
    )
    return true
  })
})

test('a table may stand in a file of its own, and a key too, which is never printed', async (t) => {
  const { directory, load } = await setup(
    t,
    `[{ parse: json }, { enrich: { lookup: { by: id, table: { file: sites.csv } } } }, { redact: { detect: [ip], hashKey: { file: key } } }]`
  )
  await writeFile(join(directory, 'sites.csv'), 'id,site\n7,north\n')
  await writeFile(join(directory, 'key'), 'a key of sixteen characters\n')
  const config = await load()
  assert.match(JSON.stringify(config.sources['app']), /7,north/)
  assert.doesNotMatch(effectiveYaml(agentSchema(kinds), config), /sixteen/)
})

test('without transforms there are none', async (t) => {
  const { load } = await setup(t, '[]')
  assert.deepEqual((await load()).sources['app']?.transforms, [])
})
