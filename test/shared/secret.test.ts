import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Secret } from '../../shared/secret.ts'
import { isCode } from '../support/engine-calls.ts'
import { tempDir } from '../support/temp-dir.ts'

test('a secret in a file is one line of text, or refused', async (t) => {
  const file = join(await tempDir(t), 'token')
  const secret = Secret.inFile(file)
  await assert.rejects(secret.read(), isCode('config'))
  for (const text of ['', ' \n', 'one\ntwo', 'a\0b']) {
    await writeFile(file, text)
    await assert.rejects(secret.read(), isCode('config'), JSON.stringify(text))
  }
  await writeFile(file, '  token-1 \n')
  assert.equal(await secret.read(), 'token-1')
})
