import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recordLimits } from '../../../../shared/record.ts'
import { cpuMsOf } from '../../../support/cpu-time.ts'
import { chainOf, fieldsOf, pass, texts } from '../chain-bench.ts'

const all = ['email', 'ip', 'card', 'token']

const found: readonly (readonly [string, string])[] = [
  ['mail to Ann.b+x@mail.example.co.uk, now', 'mail to [email], now'],
  ['jürgen@bücher.example', '[email]'],
  ['from 192.0.2.7:443 and 10.0.0.1.', 'from [ip]:443 and [ip].'],
  ['addr fe80::1: down, 2001:db8::ff00:42:8329', 'addr [ip]: down, [ip]'],
  ['::ffff:192.0.2.1', '[ip]'],
  ['paid 4111 1111 1111 1111 12 today', 'paid [card] 12 today'],
  ['5500-0000-0000-0004', '[card]'],
  ['7 378282246310005 7', '7 [card] 7'],
  ['Authorization: Bearer abcdef123456.x', 'Authorization: Bearer [token]'],
  ['jwt eyJhbGciOi.eyJzdWIiOi.SflKxwRJ end', 'jwt [token] end'],
  ['id AKIAIOSFODNN7EXAMPLE', 'id [token]'],
  [`push ghp_${'a1'.repeat(18)}`, 'push [token]'],
  ['password=hunter2&user=x', 'password=[token]&user=x'],
  ['{"password":"a b \\"c", "x":1}', '{"password":"[token]", "x":1}'],
  ['{"log":"{\\"api_key\\":\\"s3cret\\"}"}', '{"log":"{\\"api_key\\":\\"[token]\\"}"}'],
  ["secret: 'x y' end", "secret: '[token]' end"],
  ['postgres://app:s3cret@db/x', 'postgres://app:[token]@db/x']
]

for (const [text, left] of found) {
  test(`redact takes the secret out of ${text}`, () => {
    assert.deepEqual(texts(chainOf({ redact: all }), [text]), [left])
  })
}

const harmless = [
  '12:30:45 std::vector Foo::bar',
  '1.2.3 and 1.2.3.4.5 and 300.1.1.1',
  'order 1234567890123456 and 4111111111111112',
  'at 1700000000123456789',
  'the password is wrong; token missing',
  'a@b and @all'
]

for (const text of harmless) {
  test(`redact leaves ${text} as it is, the very bytes`, () => {
    const chain = chainOf({ redact: all })
    assert.deepEqual(texts(chain, [text]), [text])
    assert.deepEqual(chain.stats()[0]?.noted, {})
  })
}

test('in a parsed record values of every kind are looked at, however deep', () => {
  const chain = chainOf({ parse: 'json' }, { redact: all })
  const text =
    '{"user":{"mails":["x@example.org","none"]},"n":4111111111111111,"token":"abc","ok":1,"e":"a\\u0040example.org"}'
  assert.deepEqual(fieldsOf(chain, text), {
    user: { mails: ['[email]', 'none'] },
    n: '[card]',
    token: '[token]',
    ok: 1,
    e: '[email]'
  })
})

test('a member that comes twice does not get past in the bytes of the record', () => {
  const chain = chainOf({ parse: 'json' }, { redact: ['email'] })
  const [left] = texts(chain, ['{"a":"x@example.org","a":"ok"}'])
  assert.doesNotMatch(left ?? '', /example/)
})

test('data that was parsed and kept is redacted as text, and so are its fields', () => {
  const chain = chainOf(
    { parse: { format: 'logfmt', keep: 'data' } },
    { redact: ['email'] },
    { key: 'who' }
  )
  const [record] = pass(chain, ['who=x@example.org n=1'])
  assert.equal(record?.text, 'who=[email] n=1')
  assert.equal(record?.partitionKey, '[email]')
})

test('fields that are named lose their whole value', () => {
  const chain = chainOf({ parse: 'json' }, { redact: { fields: ['user.name', 'none'] } })
  assert.deepEqual(fieldsOf(chain, '{"user":{"name":"Ann","id":1}}'), {
    user: { name: '[redacted]', id: 1 }
  })
})

test('own patterns and an own replacement are used', () => {
  const chain = chainOf({ redact: { patterns: ['VIN\\w+', 'x*'], replacement: '***' } })
  assert.deepEqual(texts(chain, ['car VIN123, VIN4']), ['car ***, ***'])
})

test('under a key, equal things have equal hashes and others do not', () => {
  const redact = { detect: ['email'], hashKey: 'a key of sixteen characters' }
  const [text = ''] = texts(chainOf({ redact }), ['a@x.org b@x.org a@x.org'])
  const [first, second, third] = text.split(' ')
  assert.match(first ?? '', /^\[email:[\da-f]{16}\]$/)
  assert.equal(first, third)
  assert.notEqual(first, second)
})

test('the work of a redaction grows with the text and not faster', () => {
  const chain = chainOf({ redact: all })
  for (const unit of ['a', '1', '1.', 'a:', 'a@', ' 4', 'eyJaaaaa.', 'password=', '://a:']) {
    const text = `1111${unit.repeat((4 * 1024 * 1024) / unit.length)}@x.org`
    const cpuMs = cpuMsOf(() => texts(chain, [text]))
    assert.ok(cpuMs < 5000, `${unit} took ${cpuMs} ms`)
  }
})

test('an own pattern finds its words in a text that is longer than it is shown at once', () => {
  const chain = chainOf({ redact: { patterns: ['secret\\d+'] } })
  const [text = ''] = texts(chain, ['word secret7 '.repeat(5000)])
  assert.equal(text, 'word [redacted] '.repeat(5000))
})

test('a card is found wherever it stands among other numbers, however many these are', () => {
  const chain = chainOf({ redact: ['card'] })
  for (const other of ['1', '11 ', '111-', '0000 ', '11111 ']) {
    for (let count = 0; count < 80; count++) {
      const before = `${other.repeat(count)} `
      const text = `${before}4111 1111 1111 1111 12345`
      assert.deepEqual(texts(chain, [text]), [`${before}[card] 12345`])
    }
  }
})

test('a record on which an own pattern would not end is taken out as a whole, and counted', () => {
  const chain = chainOf({ redact: { patterns: ['(?:a+)+b'] } })
  const endless = `x@example.org ${'a'.repeat(60)}!`
  assert.deepEqual(texts(chain, ['aab', endless, 'c aab']), [
    '[redacted]',
    '[redacted]',
    'c [redacted]'
  ])
  assert.deepEqual(chain.stats()[0]?.noted, { redacted: 2, slow_pattern: 1 })
})

test('an own pattern that would not end on what is in no field does not end the agent', () => {
  const replacement = 'long '.repeat(20)
  const redact = { patterns: ['(?:a+)+b', 'z'], replacement }
  const chain = chainOf({ parse: 'json' }, { redact })
  // Only the last of two members with one name is a field, and what is printed is too large.
  const many = 'z'.repeat(recordLimits.recordBytes / replacement.length)
  const twice = `{"e":"${'a'.repeat(60)}!","e":"1","big":"${many}"}`
  assert.deepEqual(texts(chain, [twice]), [replacement])
  assert.deepEqual(chain.stats()[1]?.noted, { redacted: 1, slow_pattern: 1 })
})

test('bytes that are no UTF-8 stay what they are around what is taken out', () => {
  const chain = chainOf({ redact: ['email'] })
  const data = Buffer.concat([
    Buffer.from([0xff, 0xe4]),
    Buffer.from(' a@x.org '),
    Buffer.from([0x80])
  ])
  const records = {
    keys: ['k'],
    times: Float64Array.of(1),
    lens: Uint32Array.of(data.length),
    data
  }
  const expected = Buffer.concat([
    Buffer.from([0xff, 0xe4]),
    Buffer.from(' [email] '),
    Buffer.from([0x80])
  ])
  assert.deepEqual(chain.apply(records, false).data, expected)
})

test('a pattern finds what is up to 4 KiB long wherever it stands, white space or not', () => {
  const patterns = ['(?<=id=)VIN\\d{4} \\d{4}(?!\\d)', 'KEY<[^>]*>', '^x']
  const chain = chainOf({ redact: { patterns, replacement: '*' } })
  const key = `KEY<${'k'.repeat(4000)}>`
  for (let before = 4060; before < 4110; before++) {
    const hidden = `${'x'.repeat(before)}id=VIN1234 5678,${key}`
    const left = `*${'x'.repeat(before - 1)}id=*,*`
    const tail = 'y'.repeat(9000)
    assert.ok(texts(chain, [`${hidden}${tail}`])[0] === `${left}${tail}`, `${before} before`)
    assert.ok(texts(chain, [`${hidden}y`])[0] === `${left}y`, `${before} before, near the end`)
  }
})
