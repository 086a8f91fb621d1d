import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chainOf, fieldsOf, pass, problemsOf, texts } from '../chain-bench.ts'

const combined =
  '192.0.2.7 - ann [10/Oct/2000:13:55:36 -0700] "GET /a?b=1 HTTP/1.1" 200 2326 "-" "curl/8 \\"x\\""'

const understood: readonly (readonly [object | string, string, object])[] = [
  [
    'logfmt',
    'level=info msg="a \\"b\\"" retry n=3',
    { level: 'info', msg: 'a "b"', retry: true, n: '3' }
  ],
  ['logfmt', '__proto__=x a=', JSON.parse('{"__proto__":"x","a":""}')],
  [
    'access-log',
    combined,
    {
      client: '192.0.2.7',
      user: 'ann',
      time: '10/Oct/2000:13:55:36 -0700',
      method: 'GET',
      path: '/a?b=1',
      protocol: 'HTTP/1.1',
      status: 200,
      bytes: 2326,
      userAgent: 'curl/8 \\"x\\"'
    }
  ],
  [
    'access-log',
    '::1 - - [10/Oct/2000:13:55:36 -0700] "\\x16\\x03" 400 -',
    { client: '::1', time: '10/Oct/2000:13:55:36 -0700', request: '\\x16\\x03', status: 400 }
  ],
  [{ format: 'csv', columns: ['a', 'b'] }, '1,"x, ""y"""', { a: '1', b: 'x, "y"' }],
  [
    { format: 'csv', columns: ['a', 'b'], separator: ';', numbers: ['a'] },
    '1.5;',
    { a: 1.5, b: '' }
  ],
  [
    { format: 'regex', pattern: '^(?<level>\\w+): (?<text>.*)(?<more>!)?$' },
    'warn: hot',
    { level: 'warn', text: 'hot' }
  ],
  [{ format: 'json', raw: 'was' }, '{"a":1}', { a: 1, was: '{"a":1}' }],
  [
    'syslog',
    '<34>1 2003-10-11T22:14:15.003Z host app 12 ID - hello',
    { facility: 4, severity: 2, host: 'host', app: 'app', pid: '12', msgId: 'ID', message: 'hello' }
  ]
]

for (const [options, text, fields] of understood) {
  test(`parse ${JSON.stringify(options)} understands ${text}`, () => {
    assert.deepEqual(fieldsOf(chainOf({ parse: options }), text), fields)
  })
}

const foreign: readonly (readonly [object | string, string])[] = [
  ['json', '{"a":'],
  ['json', '[1]'],
  ['json', '7'],
  ['json', `${'{"a":'.repeat(200)}1${'}'.repeat(200)}`],
  ['logfmt', 'a plain sentence'],
  ['logfmt', 'a="open'],
  ['access-log', 'GET / 200'],
  ['syslog', 'just a line'],
  [{ format: 'csv', columns: ['a', 'b'] }, '1,2,3'],
  [{ format: 'csv', columns: ['a', 'b'] }, '1,"2'],
  [{ format: 'regex', pattern: '(?<n>\\d+)' }, 'none'],
  [{ format: 'regex', pattern: '(?<n>\\d+)' }, `1${'x'.repeat(64 * 1024)}`]
]

for (const [options, text] of foreign) {
  test(`parse ${JSON.stringify(options)} keeps ${text.slice(0, 20)} as it is, marked and counted`, () => {
    const chain = chainOf({ parse: options })
    const [record] = pass(chain, [text])
    assert.equal(record?.text, text)
    assert.deepEqual(record?.attributes, { unparsed: 'true' })
    assert.deepEqual(chain.stats()[0]?.noted, { unparsed: 1 })
  })
}

test('JSON that is only read keeps its bytes, its order of keys and its spaces', () => {
  const text = '{ "b" : 1.0, "a": 12345678901234567890 }'
  assert.deepEqual(texts(chainOf({ parse: 'json' }), [text]), [text])
})

test('a whole number of any size comes out of a changed record as it went in', () => {
  const chain = chainOf({ parse: 'json' }, { rename: { fields: { id: 'to.id' } } })
  const id = '[-12345678901234567890,{"x":98765432109876543210}]'
  const text = `{"s":"12345678901234567890","f":1.5,"id":${id}}`
  assert.deepEqual(texts(chain, [text]), [`{"s":"12345678901234567890","f":1.5,"to":{"id":${id}}}`])
})

test('with keep: data the record stays as it is and its fields can be asked for', () => {
  const chain = chainOf({ parse: { format: 'logfmt', keep: 'data' } }, { filter: 'level == "b"' })
  assert.deepEqual(texts(chain, ['level=a', 'level=b x=1']), ['level=b x=1'])
})

test('a field that holds text is parsed into the record around it', () => {
  const chain = chainOf({ parse: 'json' }, { parse: { format: 'logfmt', field: 'log' } })
  const text = '{"stream":"stderr","log":"level=warn n=1"}'
  assert.deepEqual(fieldsOf(chain, text), {
    stream: 'stderr',
    log: 'level=warn n=1',
    level: 'warn',
    n: '1'
  })
})

test('the line that names the columns is dropped wherever it comes, and counted', () => {
  const chain = chainOf({ parse: { format: 'csv', columns: ['a', 'b'], keep: 'data' } })
  assert.deepEqual(texts(chain, ['a,b', '1,2', 'a,b']), ['1,2'])
  assert.deepEqual(chain.stats()[0]?.dropped, { header: 2 })
})

const times: readonly (readonly [object, string, number])[] = [
  [{ format: 'json', time: 'ts' }, '{"ts":1700000000}', 1_700_000_000_000],
  [{ format: 'json', time: 'a.ts' }, '{"a":{"ts":"1700000000.25"}}', 1_700_000_000_250],
  [{ format: 'json', time: 'ts' }, '{"ts":1700000000123}', 1_700_000_000_123],
  [{ format: 'json', time: 'ts' }, '{"ts":1700000000123456789}', 1_700_000_000_123],
  [{ format: 'json', time: 'ts', timeFormat: 'unixMs' }, '{"ts":5000}', 5000],
  [{ format: 'json', time: 'ts' }, '{"ts":"2026-01-31 12:00:00,250"}', 1_769_860_800_250],
  [{ format: 'json', time: 'ts' }, '{"ts":"2026-01-31T12:00:00.250999+01:00"}', 1_769_857_200_250],
  [{ format: 'access-log' }, combined, 971_211_336_000],
  [{ format: 'syslog' }, '<34>1 2003-10-11T22:14:15.003Z h a - - - x', 1_065_910_455_003]
]

for (const [options, text, time] of times) {
  test(`parse ${JSON.stringify(options)} takes the time of ${text}`, () => {
    assert.equal(pass(chainOf({ parse: options }), [text])[0]?.time, time)
  })
}

test('a time that cannot be read leaves the record with the one it had, marked and counted', () => {
  const chain = chainOf({ parse: { format: 'json', time: 'ts' } })
  const records = pass(chain, [
    { text: '{"ts":"soon"}', time: 7 },
    { text: '{}', time: 8 }
  ])
  assert.deepEqual(
    records.map(({ time, attributes }) => [time, attributes]),
    [
      [7, { timeUnread: 'true' }],
      [8, { timeUnread: 'true' }]
    ]
  )
  assert.deepEqual(chain.stats()[0]?.noted, { unread_time: 2 })
})

test('options that cannot be are named with their place', () => {
  assert.deepEqual(problemsOf({ parse: 'csv' }), [
    '0.parse: must be a map with its format: csv needs "columns", regex needs "pattern"'
  ])
  assert.deepEqual(problemsOf({ parse: { format: 'csv' } }), [
    '0.parse.columns: is missing; csv needs the names'
  ])
  assert.deepEqual(problemsOf({ parse: { format: 'regex', pattern: '(' } }), [
    '0.parse.pattern: must be a regular expression as JavaScript has them, without slashes',
    '0.parse.pattern: must name its groups, as in (?<level>\\w+)'
  ])
})

test('a record on which the pattern would not end stays as it is, marked and counted', () => {
  const chain = chainOf({ parse: { format: 'regex', pattern: '^(?<as>(?:a+)+)$' } })
  const endless = `${'a'.repeat(60)}!`
  assert.deepEqual(
    pass(chain, ['aa', endless, 'a']).map(({ text, attributes }) => [text, attributes]),
    [
      ['{"as":"aa"}', {}],
      [endless, { unparsed: 'true' }],
      ['{"as":"a"}', {}]
    ]
  )
  assert.deepEqual(chain.stats()[0]?.noted, { unparsed: 1, slow_pattern: 1 })
})
