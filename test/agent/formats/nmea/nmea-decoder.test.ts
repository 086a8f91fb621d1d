import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type EpochResult, NmeaDecoder } from '../../../../agent/formats/nmea/nmea-decoder.ts'
import { gga, rmc, sentence } from '../../../support/nmea-sentences.ts'

function decode(lines: readonly string[], lastTime?: number) {
  const problems: string[] = []
  const problem = (reason: string) => problems.push(reason)
  const decoder = new NmeaDecoder({ requireChecksum: true, problem, lastTime })
  const found: (EpochResult | undefined)[] = lines.map((line) => decoder.line(line))
  found.push(decoder.flush())
  return { results: found.filter((one) => one !== undefined), problems }
}

test('all sentences of one epoch make one fix', () => {
  const { results, problems } = decode([
    '$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47',
    '$GPGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1*39',
    '$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A',
    '$GPVTG,054.7,T,034.4,M,005.5,N,010.2,K*48'
  ])
  assert.deepEqual(problems, [])
  assert.deepEqual(results, [
    {
      time: Date.UTC(1994, 2, 23, 12, 35, 19),
      lat: 48.1173,
      lon: 11.516666667,
      alt: 545.4,
      altHae: 592.3,
      speed: 2.829,
      course: 54.7,
      hdop: 1.3,
      satellites: 8,
      mode: 3,
      quality: 'gps'
    }
  ])
})

test('sentences as receivers write them', () => {
  const cases: readonly (readonly [string, object | string])[] = [
    [
      '$GPRMC,083559.00,A,4717.11437,N,00833.91522,E,0.004,77.52,091202,,,A*57',
      {
        time: Date.UTC(2002, 11, 9, 8, 35, 59),
        lat: 47.2852395,
        lon: 8.565253667,
        speed: 0.002,
        course: 77.52,
        quality: 'gps'
      }
    ],
    ['$GPGLL,4916.45,N,12311.12,W,225444,A,*1D', { lat: 49.274166667, lon: -123.185333333 }],
    [
      '$GPGGA,092725.00,4717.11399,N,00833.91590,E,1,08,1.01,499.6,M,48.0,M,,*5B',
      {
        lat: 47.285233167,
        lon: 8.565265,
        alt: 499.6,
        altHae: 547.6,
        hdop: 1.01,
        satellites: 8,
        quality: 'gps'
      }
    ],
    [
      sentence('GNGNS,103600.01,5114.51176,S,00012.29380,W,ANNN,07,1.18,-11.5,45.6,,,V'),
      { lat: -51.241862667, lon: -0.204896667, alt: -11.5, altHae: 34.1, hdop: 1.18, satellites: 7 }
    ],
    [
      sentence('GBRMC,120000,A,0000.0000,N,18000.0000,W,,,010126,,,R'),
      { time: Date.UTC(2026, 0, 1, 12), lat: 0, lon: -180, quality: 'rtk' }
    ],
    [sentence('GPRMC,,V,,,,,,,,,,N'), 'no_fix'],
    [sentence('GPRMC,123519,V,4807.038,N,01131.000,E,022.4,084.4,230394,,,N'), 'no_fix'],
    [sentence('GNGGA,123519,4807.038,N,01131.000,E,0,00,99.99,,,,,,'), 'no_fix'],
    [sentence('GNGNS,103600.01,5114.51176,N,00012.29380,W,NNNN,00,99.99,,,,,V'), 'no_fix']
  ]
  for (const [line, expected] of cases) {
    const { results, problems } = decode([line])
    assert.deepEqual({ results, problems }, { results: [expected], problems: [] }, line)
  }
})

test('one sentence that says there is no fix outweighs the positions of its epoch', () => {
  const time = Date.UTC(2026, 5, 1, 10)
  const lost = sentence('GPGGA,100000.00,4807.00000,N,01131.00000,E,0,00,99.99,,M,,M,,')
  assert.deepEqual(decode([rmc({ time }), lost]).results, ['no_fix'])
  assert.deepEqual(decode([rmc({ time }), sentence('GPGSA,A,1,,,,,,,,,,,,,,,')]).results, [
    'no_fix'
  ])
})

test('one of several systems with a position is enough for the mode', () => {
  const time = Date.UTC(2026, 5, 1, 10)
  const modes = ['GPGSA,A,3,04,,,,,,,,,,,,2.5,1.3,2.1', 'GLGSA,A,1,,,,,,,,,,,,,,,'].map(sentence)
  const [fix] = decode([rmc({ time }), ...modes]).results
  assert.equal(typeof fix === 'object' && fix.mode, 3)
})

test('another time of day, or a sentence that the epoch has had, begins the next', () => {
  const time = Date.UTC(2026, 5, 1, 10)
  const at = (second: number, north: number) => ({ time: time + second * 1000, north })
  const { results } = decode([
    rmc(at(0, 1)),
    gga(at(0, 1)),
    gga(at(1, 2)),
    rmc(at(1, 2)),
    rmc(at(1, 3))
  ])
  assert.deepEqual(
    results.map((fix) => typeof fix === 'object' && [fix.lat, fix.time]),
    [
      [48.016666667, time],
      [48.033333333, time + 1000],
      [48.05, time + 1000]
    ]
  )
})

test('a missing date is that of the fix before, across midnight both ways', () => {
  const midnight = Date.UTC(2026, 0, 1)
  const times = [-1000, 0, 1000].map((ms) => midnight + ms)
  const lines = [rmc({ time: times[0] ?? 0 }), ...times.slice(1).map((time) => gga({ time }))]
  const timesOf = (results: readonly EpochResult[]) =>
    results.map((fix) => (typeof fix === 'object' ? fix.time : fix))
  assert.deepEqual(timesOf(decode(lines).results), times)
  const before = decode([gga({ time: midnight - 1000 })], midnight + 500)
  assert.deepEqual(timesOf(before.results), [midnight - 1000])
})

test('without any date a fix has no time', () => {
  const [fix] = decode([gga({ time: 0 })]).results
  assert.ok(typeof fix === 'object' && !('time' in fix))
})

test('years of two digits are of this century up to 79', () => {
  const yearOf = (yy: string) => {
    const [fix] = decode([sentence(`GPRMC,000000,A,4807.038,N,01131.000,E,,,0101${yy},,`)]).results
    return typeof fix === 'object' && new Date(fix.time ?? 0).getUTCFullYear()
  }
  assert.deepEqual(['79', '80', '99', '00'].map(yearOf), [2079, 1980, 1999, 2000])
})

test('a field that cannot be is a bad sentence, and the others of its epoch hold', () => {
  const bad = [
    'GPRMC,256199,A,4807.038,N,01131.000,E,,,010126,,',
    'GPRMC,100000,A,9100.000,N,01131.000,E,,,010126,,',
    'GPRMC,100000,A,4860.000,N,01131.000,E,,,010126,,',
    'GPRMC,100000,A,4807.038,E,01131.000,N,,,010126,,',
    'GPRMC,100000,A,4807.038,N,18100.000,E,,,010126,,',
    'GPRMC,100000,A,4807.038,N,01131.000,E,fast,,010126,,',
    'GPRMC,100000,A,4807.038,N,01131.000,E,,361,010126,,',
    'GPRMC,100000,A,4807.038,N,01131.000,E,,,310226,,',
    'GPRMC,100000,A,4807.038,,01131.000,E,,,010126,,'
  ].map(sentence)
  const time = Date.UTC(2026, 0, 1, 10)
  const { results, problems } = decode([...bad, rmc({ time })])
  assert.deepEqual(
    problems,
    bad.map(() => 'bad_sentence')
  )
  assert.equal(results.length, 1)
})

test('whatever comes, nothing throws and every fix is on earth', () => {
  const field = fc.oneof(
    fc.constantFrom(
      '',
      'A',
      'V',
      'N',
      'S',
      'E',
      'W',
      'T',
      'M',
      '1',
      '3',
      '4807.038',
      '01131.000',
      '-0',
      '.'
    ),
    fc.nat(99_999_999).map(String),
    fc.string({ maxLength: 12 })
  )
  const body = fc
    .tuple(
      fc.constantFrom(
        'GPRMC',
        'GNGGA',
        'GLGLL',
        'GPVTG',
        'GNGSA',
        'GPZDA',
        'GNGNS',
        'PUBX',
        'GPTXT'
      ),
      fc.array(field, { maxLength: 20 })
    )
    .map(([address, fields]) =>
      sentence([address, ...fields].join(',').replaceAll(/[*$\r\n]/g, ''))
    )
  const line = fc.oneof({ weight: 4, arbitrary: body }, fc.string({ unit: 'binary' }))
  fc.assert(
    fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
      for (const fix of decode(lines).results) {
        if (typeof fix === 'string') continue
        assert.ok(Math.abs(fix.lat) <= 90 && Math.abs(fix.lon) <= 180)
        assert.ok(
          Object.values(fix).every((value) => typeof value === 'string' || Number.isFinite(value))
        )
      }
    })
  )
})
