import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HeadwaterError } from '../../shared/errors.ts'
import {
  type ConfigContent,
  makeConfigKeys,
  parsePublicKeys,
  parseTarget,
  readSignedConfig,
  signConfig,
  verifyConfig
} from '../../shared/signed-config.ts'

const keys = makeConfigKeys()
const content: ConfigContent = {
  version: 7,
  target: 'group/vans',
  config: 'log: { level: debug }\n'
}
const text = signConfig(content, keys.privateKey)

const code = (expected: string) => (error: unknown) =>
  error instanceof HeadwaterError && error.code === expected

test('what was signed comes back, and names key and digest', () => {
  const read = verifyConfig(text, [makeConfigKeys().publicKey, keys.publicKey])
  assert.deepEqual({ version: read.version, target: read.target, config: read.config }, content)
  assert.match(read.keyId, /^[0-9a-f]{16}$/)
  assert.match(read.digest, /^[0-9a-f]{64}$/)
  assert.deepEqual(readSignedConfig(text), read)
})

test('what another key signed is refused, also under the name of the right one', () => {
  const other = makeConfigKeys()
  assert.throws(() => verifyConfig(text, [other.publicKey]), code('forbidden'))
  assert.throws(() => verifyConfig(text, []), code('forbidden'))
  const forged = JSON.parse(signConfig(content, other.privateKey))
  const named = JSON.stringify({ ...forged, key: JSON.parse(text).key })
  assert.throws(() => verifyConfig(named, [keys.publicKey]), code('forbidden'))
})

test('a change of version, target or text breaks the signature', () => {
  for (const change of [{ version: 8 }, { target: 'all' }, { config: 'log: { level: info }\n' }]) {
    const envelope = JSON.parse(text)
    const changed = { ...envelope, content: JSON.stringify({ ...content, ...change }) }
    assert.throws(() => verifyConfig(JSON.stringify(changed), [keys.publicKey]), code('forbidden'))
  }
})

test('any other text is refused and breaks nothing', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (garbage) => {
      assert.throws(() => verifyConfig(garbage, [keys.publicKey]), code('invalid'))
    })
  )
})

test('a text with one character changed never passes for another content', () => {
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.constantFrom('a', 'Z', '0', '/', '"'), (at, put) => {
      const changed = text.slice(0, at) + put + text.slice(at + 1)
      try {
        const { version, target, config } = verifyConfig(changed, [keys.publicKey])
        assert.deepEqual({ version, target, config }, content)
      } catch (error) {
        assert.ok(error instanceof HeadwaterError, String(error))
      }
    }),
    { numRuns: 300 }
  )
})

test('targets and public keys are what they look like', () => {
  for (const target of ['all', 'device/pi-1', 'group/a.b'])
    assert.equal(parseTarget(target), target)
  for (const wrong of ['', 'ALL', 'device', 'device/', 'device/a/b', 'group/../x', 'x/y']) {
    assert.throws(() => parseTarget(wrong), code('invalid'), wrong)
  }
  const two = makeConfigKeys().publicKey
  assert.deepEqual(parsePublicKeys(`${keys.publicKey}\n ${two}\n`), [keys.publicKey, two])
  for (const wrong of ['', ' ', 'ed25519:', 'ed25519:abc', `x${two}`, keys.privateKey]) {
    assert.throws(() => parsePublicKeys(wrong), code('invalid'), wrong)
  }
})

test('a private key of another kind is refused', () => {
  assert.throws(() => signConfig(content, 'no key'), code('config'))
  assert.throws(() => signConfig(content, keys.publicKey), code('config'))
})
