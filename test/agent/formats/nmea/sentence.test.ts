import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { checksumOf, parseSentence } from '../../../../agent/formats/nmea/sentence.ts'
import { cpuMsOf } from '../../../support/cpu-time.ts'

const strict = { requireChecksum: true }

test('a sentence has its talker, its type and its fields', () => {
  assert.deepEqual(parseSentence('$GPGLL,4916.45,N,12311.12,W,225444,A,*1D', strict), {
    talker: 'GP',
    type: 'GLL',
    fields: ['GPGLL', '4916.45', 'N', '12311.12', 'W', '225444', 'A', '']
  })
  const own = parseSentence('$PUBX,00*33', strict)
  assert.deepEqual(own, { talker: 'P', type: 'UBX', fields: ['PUBX', '00'] })
})

test('what is no whole, unchanged sentence is told by why', () => {
  const good = '$GPZDA,201530.00,04,07,2002,00,00*60'
  const cases: readonly (readonly [string, string])[] = [
    ['$GPZDA,201530.00,04,07,2003,00,00*60', 'bad_checksum'],
    ['$GPZDA,201530.00,04,07,2002,00,00', 'no_checksum'],
    ['$GPZDA,201530.00,04,07,2002,00,00*6', 'not_nmea'],
    [',04,07,2002,00,00*60', 'not_nmea'],
    ['', 'not_nmea'],
    ['$', 'no_checksum'],
    ['$*00', 'not_nmea'],
    ['!AIVDM,1,1,,A,14eG;o@034o8sd<L9i:a;WF>062D,0*7D', 'not_nmea'],
    ['{"class":"TPV"}', 'not_nmea']
  ]
  for (const [line, problem] of cases) assert.equal(parseSentence(line, strict), problem, line)
  assert.equal(typeof parseSentence(good, strict), 'object')
})

test('what stands before a sentence is passed over', () => {
  const whole = parseSentence('$GPGLL,4916.45,N,12311.12,W,225444,A,*1D', strict)
  for (const before of ['$GPRMC,1235', '\\s:r3669961,c:1120959341*5C\\', '\u0000\u00ff']) {
    const found = parseSentence(`${before}$GPGLL,4916.45,N,12311.12,W,225444,A,*1D`, strict)
    assert.deepEqual(found, whole)
  }
})

test('without requireChecksum a sentence may have none, but not a wrong one', () => {
  const loose = { requireChecksum: false }
  assert.equal(typeof parseSentence('$GPZDA,201530.00,04,07,2002,00,00', loose), 'object')
  assert.equal(parseSentence('$GPZDA,201530.00,04,07,2002,00,00*61', loose), 'bad_checksum')
})

test('no line throws, and one changed character never goes unseen', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 120 }), (line) => {
      parseSentence(line, strict)
    })
  )
  const body = 'GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W'
  fc.assert(
    fc.property(fc.nat(body.length - 1), fc.integer({ min: 32, max: 126 }), (at, code) => {
      const changed = body.slice(0, at) + String.fromCharCode(code) + body.slice(at + 1)
      fc.pre(changed !== body)
      const found = parseSentence(`$${changed}*${checksumOf(body).toString(16)}`, strict)
      assert.equal(typeof found, 'string')
    })
  )
})

test('a long line of blanks takes no longer than its length', () => {
  const cpuMs = cpuMsOf(() => {
    for (let i = 0; i < 10; i++) parseSentence(`$${' '.repeat(16_000)}*zz`, strict)
  })
  assert.ok(cpuMs < 500, `${cpuMs} ms`)
})
