import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseSyslog } from '../../../agent/formats/syslog.ts'

const now = new Date(2026, 5, 15, 12, 0, 0).getTime()
const parse = (line: string | Buffer) => parseSyslog(line, now)
/** A time of this machine's zone. */
const local = (...parts: [number, number, number, number, number, number, number?]) =>
  new Date(...parts).getTime()

test('the examples of RFC 5424 are understood', () => {
  assert.deepEqual(
    parse(
      "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \ufeff'su root' failed for lonvick on /dev/pts/8"
    ),
    {
      facility: 4,
      severity: 2,
      timeMs: Date.UTC(2003, 9, 11, 22, 14, 15, 3),
      host: 'mymachine.example.com',
      app: 'su',
      msgId: 'ID47',
      message: "'su root' failed for lonvick on /dev/pts/8"
    }
  )
  assert.deepEqual(
    parse(
      "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts."
    ),
    {
      facility: 20,
      severity: 5,
      timeMs: Date.UTC(2003, 7, 24, 12, 14, 15, 0),
      host: '192.0.2.1',
      app: 'myproc',
      pid: '8710',
      message: "%% It's time to make the do-nuts."
    }
  )
  const structured = parse(
    '<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"][examplePriority@32473 class="high"]'
  )
  assert.deepEqual(structured?.data, {
    'exampleSDID@32473': { iut: '3', eventSource: 'Application', eventID: '1011' },
    'examplePriority@32473': { class: 'high' }
  })
  assert.equal(structured.message, '')
})

test('structured data: escapes, repeated names, names of prototypes, and what is broken off', () => {
  const of = (rest: string) => {
    const { data, message } = parse(`<13>1 - - - - - ${rest}`) ?? {}
    return [data, message]
  }
  assert.deepEqual(of('[a b="\\"\\\\\\]\\n" c="ü"] m'), [{ a: { b: '"\\]\\n', c: 'ü' } }, 'm'])
  assert.deepEqual(of('[o ip="1" ip="2"][o ip="3"][e]m'), [{ o: { ip: '1,2,3' }, e: {} }, 'm'])
  const [data] = of('[__proto__ x="1"]')
  assert.deepEqual(Object.entries(data ?? {}), [['__proto__', { x: '1' }]])
  assert.deepEqual(of('[a b="1" text'), [undefined, '[a b="1" text'])
  assert.deepEqual(of('[12.5] kernel text'), [{ '12.5': {} }, 'kernel text'])
  assert.deepEqual(of('- - x'), [undefined, '- x'])
})

test('RFC 5424 with fields that are missing', () => {
  assert.deepEqual(parse('<0>1 - - - - - -'), { facility: 0, severity: 0, message: '' })
  assert.deepEqual(parse('<191>1 2003-10-11T22:14:15Z host app'), {
    facility: 23,
    severity: 7,
    timeMs: Date.UTC(2003, 9, 11, 22, 14, 15),
    host: 'host',
    app: 'app',
    message: ''
  })
  assert.equal(parse('<13>1 - h a p m no structured data')?.message, 'no structured data')
})

test('RFC 3164 and what devices make of it', () => {
  const time = { timeMs: local(2026, 4, 11, 22, 14, 15) }
  const all: readonly [string, object][] = [
    [
      "<34>May 11 22:14:15 mymachine su: 'su root' failed",
      {
        facility: 4,
        severity: 2,
        ...time,
        host: 'mymachine',
        app: 'su',
        message: "'su root' failed"
      }
    ],
    [
      '<13>May 11 22:14:15 web-1 postfix/smtpd[12]: x',
      { host: 'web-1', app: 'postfix/smtpd', pid: '12', message: 'x' }
    ],
    ['<13>May 11 22:14:15 app[7]: no host', { ...time, app: 'app', pid: '7', message: 'no host' }],
    [
      '<13>May 11 22:14:15 fe80::1 cron[7] no colon',
      { host: 'fe80::1', app: 'cron', message: 'no colon' }
    ],
    [
      '<13>2026-05-11T22:14:15.123456+02:00 web su: x',
      { timeMs: Date.UTC(2026, 4, 11, 20, 14, 15, 123), host: 'web', app: 'su' }
    ],
    [
      '<189>29: *May 11 22:14:15.5: %SYS-5-CONFIG_I: Configured',
      { app: '%SYS-5-CONFIG_I', message: 'Configured' }
    ],
    [
      '<189>29: sw1: May 11 22:14:15.5 UTC: %SYS-5-X: y',
      { host: 'sw1', timeMs: Date.UTC(2026, 4, 11, 22, 14, 15, 500) }
    ],
    [
      '<166>May 11 2019 22:14:15: %ASA-6-302013: Built',
      { timeMs: local(2019, 4, 11, 22, 14, 15), app: '%ASA-6-302013' }
    ],
    [
      '<166>May 11 2019 22:14:15 fw : %ASA-6-302013: Built',
      { host: 'fw', app: '%ASA-6-302013', message: 'Built' }
    ],
    ['<13>busybox[3]: no time', { app: 'busybox', pid: '3', message: 'no time' }],
    [
      '<13>only a text, see http://a',
      { facility: 1, severity: 5, message: 'only a text, see http://a' }
    ],
    ['<13>', { message: '' }],
    [
      'May 11 22:14:15 box sshd[9]: from a log file',
      { facility: 1, severity: 5, ...time, host: 'box', app: 'sshd' }
    ]
  ]
  for (const [line, expected] of all) {
    const parsed = parse(line)
    assert.deepEqual({ ...parsed, ...expected }, parsed, line)
  }
  assert.equal(parse('<189>29: *May 11 22:14:15.5: x: y')?.timeMs, undefined, 'clock not set')
})

test('a time without a year is in the year nearest to now', () => {
  const at = (text: string, nowMs: number) => parseSyslog(`<13>${text} h a: m`, nowMs)?.timeMs
  const newYear = local(2027, 0, 1, 0, 0, 5)
  assert.equal(at('Dec 31 23:59:58', newYear), local(2026, 11, 31, 23, 59, 58))
  assert.equal(at('Jan  1 00:00:01', newYear), local(2027, 0, 1, 0, 0, 1))
  assert.equal(at('Jan  1 00:00:01', newYear - 60_000), local(2027, 0, 1, 0, 0, 1))
  assert.equal(at('Feb 29 00:00:01', local(2028, 2, 1, 0, 0, 0)), local(2028, 1, 29, 0, 0, 1))
})

test('what looks like a time and is none gives no time', () => {
  for (const time of ['2026-02-30T10:00:00Z', '2026-13-01T10:00:00Z', '2026-01-01T25:00:00Z'])
    assert.deepEqual(parse(`<13>1 ${time} h a - - - m`), {
      facility: 1,
      severity: 5,
      host: 'h',
      app: 'a',
      message: 'm'
    })
})

test('what is no syslog is undefined', () => {
  for (const line of ['', 'x', '<>x', '<192>x', '<1234>x', '{"a":1}', 'GET / HTTP/1.1', '<13'])
    assert.equal(parse(line), undefined, line)
})

test('bytes that are not UTF-8 stay, each as one character', () => {
  const line = Buffer.concat([
    Buffer.from('<13>May 11 22:14:15 h a: '),
    Buffer.from([0, 0xe9, 0xff])
  ])
  assert.equal(parse(line)?.message, '\0éÿ')
  assert.equal(parse(Buffer.from('<13>a: grün €'))?.message, 'grün €')
})

test('a message of 1 MiB in any place is parsed in proportion to its length', () => {
  const long = 'x'.repeat(1 << 20)
  assert.equal(parse(`<13>1 - - - - - [a b="${long}"] m`)?.data?.['a']?.['b'], long)
  const starts = [
    '<13>',
    '<13>1 - ',
    '<13>1 - - - - - [',
    '<13>May 11 22:14:15 ',
    '<13>1 - - - - - '
  ]
  const bodies = [' ', '[', '[a b="', ' a="', '[a ', '\\', 'a:', '1 ', '\t', '\xff']
  const begun = process.cpuUsage().user
  for (const start of starts)
    for (const body of bodies) parse(start + body.repeat((128 << 10) / body.length))
  assert.ok(process.cpuUsage().user - begun < 5_000_000)
})

test('no bytes make it throw', () => {
  const pieces = fc.constantFrom(
    ...['<13>', '1 ', '- ', 'May 11 ', '22:14:15 ', '2026-05-11T22:14:15Z ', '[a b="c"]', '[', '"'],
    ...['\\', ']', ': ', 'tag[1]: ', '*', '\xef\xbb\xbf', '\n', '\0', '=', '99999 ']
  )
  const lines = fc.array(fc.oneof(pieces, fc.string({ unit: 'binary' })), { maxLength: 12 })
  fc.assert(
    fc.property(lines, (parts) => {
      const text = parts.join('')
      const parsed = parse(Buffer.from(text, 'latin1'))
      assert.ok(parsed === undefined || text.length >= parsed.message.length)
    })
  )
})

test('what RFC 5424 lets one write is read back', () => {
  const word = fc.stringMatching(/^[!-~]{1,20}$/).filter((text) => text !== '-')
  const value = fc.string({ unit: 'grapheme' }).filter((text) => text.isWellFormed())
  const parts = fc.record({
    facility: fc.integer({ min: 0, max: 23 }),
    severity: fc.integer({ min: 0, max: 7 }),
    timeMs: fc.integer({ min: 0, max: 4e12 }),
    ...{ host: word, app: word, pid: word, msgId: word },
    data: fc.dictionary(
      fc.stringMatching(/^[a-z@0-9]{1,9}$/),
      fc.dictionary(fc.stringMatching(/^[a-z]{1,9}$/), value),
      { minKeys: 1, noNullPrototype: true }
    ),
    message: value.filter((text) => !text.startsWith('\ufeff'))
  })
  fc.assert(
    fc.property(parts, (wanted) => {
      const { facility, severity, timeMs, host, app, pid, msgId, data, message } = wanted
      const elements = Object.entries(data).map(([id, values]) => {
        const written = Object.entries(values).map(
          ([name, text]) => ` ${name}="${text.replace(/["\\\]]/g, '\\$&')}"`
        )
        return `[${id}${written.join('')}]`
      })
      const line = `<${facility * 8 + severity}>1 ${new Date(timeMs).toISOString()} ${host} ${app} ${pid} ${msgId} ${elements.join('')} ${message}`
      assert.deepEqual(parse(line), {
        ...wanted,
        data: Object.fromEntries(Object.entries(data).map(([id, of]) => [id, { ...of }]))
      })
    })
  )
})
