import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  hashOf,
  isSameText,
  signingKey,
  signRequest
} from '../../../../../../gateway/engines/embedded/wire/auth/signed-text.ts'

// Of AWS's published test suite for Signature Version 4 (aws-sig-v4-test-suite).
const time = '20150830T123600Z'
const scope = {
  date: '20150830',
  region: 'us-east-1',
  service: 'service',
  terminator: 'aws4_request'
}
const key = signingKey('wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', scope)
const form = { 'content-type': 'application/x-www-form-urlencoded' }
const vectors = [
  ['get-vanilla', 'GET', '/', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
  [
    'get-vanilla-query-order-key-case',
    'GET',
    '/?Param2=value2&Param1=value1',
    'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500'
  ],
  [
    'get-vanilla-utf8-query',
    'GET',
    '/?ሴ=bar',
    '2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04'
  ],
  ['get-utf8', 'GET', '/ሴ', '8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85'],
  [
    'get-slashes',
    'GET',
    '//example//',
    '9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84'
  ],
  [
    'get-relative',
    'GET',
    '/example/..',
    '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'
  ],
  ['post-vanilla', 'POST', '/', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
  [
    'post-x-www-form-urlencoded',
    'POST',
    '/',
    'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
    form
  ]
] as const

for (const [name, method, url, expected, more = {}] of vectors) {
  test(`a request is signed as in ${name} of the test suite of AWS`, () => {
    const headers = { host: 'example.amazonaws.com', 'x-amz-date': time, ...more }
    const signedHeaders = Object.keys(headers).toSorted()
    const payloadHash = hashOf(more === form ? 'Param1=value1' : '')
    const parts = { signature: { scope, signedHeaders, time }, payloadHash, key }
    assert.equal(signRequest({ method, url, headers }, parts), expected)
  })
}

test('host and :authority stand for each other', () => {
  const sign = (name: string, headers: Record<string, string>) =>
    signRequest(
      { method: 'POST', url: '/', headers },
      { signature: { scope, signedHeaders: [name], time }, payloadHash: hashOf(''), key }
    )
  assert.equal(sign('host', { ':authority': 'a:1' }), sign('host', { host: 'a:1' }))
  assert.equal(sign(':authority', { host: 'a:1' }), sign(':authority', { ':authority': 'a:1' }))
})

test('texts of different length are not the same', () => {
  assert.ok(isSameText('ab', 'ab'))
  assert.ok(!isSameText('ab', 'ac'))
  assert.ok(!isSameText('ab', 'abc'))
})
