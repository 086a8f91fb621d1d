import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatByteSize, parseByteSize } from '../../shared/byte-size.ts'
import { formatDuration, parseDuration } from '../../shared/duration.ts'
import { formatListenAddress, isLoopback, parseListenAddress } from '../../shared/listen-address.ts'

test('durations and sizes are read with their unit, and only with it', () => {
  assert.deepEqual(
    ['250ms', '60s', '1.5m', '24h', '7d', ' 5 s '].map(parseDuration),
    [250, 60_000, 90_000, 86_400_000, 604_800_000, 5000]
  )
  assert.deepEqual(
    ['512 B', '256 KiB', '16MiB', '1.5 GiB', '1 kB', '2GB'].map(parseByteSize),
    [512, 262_144, 16_777_216, 1_610_612_736, 1000, 2_000_000_000]
  )
  for (const text of ['', '5', 's', '-5s', '5 sec', '1e3s', '99999999999999d', 'NaNs']) {
    assert.throws(() => parseDuration(text), { code: 'config' }, text)
  }
  for (const text of ['', '5', 'MiB', '-5 B', '5 mib', '1e3 B', '99999999 TiB']) {
    assert.throws(() => parseByteSize(text), { code: 'config' }, text)
  }
})

test('what is formatted is read back as the same number', () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 40 }), (value) => {
      assert.equal(parseDuration(formatDuration(value)), value)
      assert.equal(parseByteSize(formatByteSize(value)), value)
    })
  )
})

test('an address is HOST:PORT, and loopback is told from everything else', () => {
  for (const text of ['127.0.0.1:8080', '[::1]:0', 'localhost:65535', '[fe80::1]:80']) {
    assert.equal(formatListenAddress(parseListenAddress(text)), text)
  }
  for (const text of ['8080', ':8080', '::1:80', 'a:65536', 'http://a:80', 'a:', '']) {
    assert.throws(() => parseListenAddress(text), { code: 'config' }, text)
  }
  assert.deepEqual(
    [
      '127.0.0.1',
      '127.1.2.3',
      '::1',
      '::ffff:127.0.0.1',
      'localhost',
      '0.0.0.0',
      '::',
      '127.example.com',
      '10.0.0.1',
      '::ffff:10.0.0.1'
    ].map(isLoopback),
    [true, true, true, true, true, false, false, false, false, false]
  )
})
