import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { pino } from 'pino'
import { keptCertificate } from '../../../../../../gateway/engines/embedded/wire/transport/kept-certificate.ts'
import { ManualClock } from '../../../../../support/manual-clock.ts'
import { SeededRandom } from '../../../../../support/seeded-random.ts'
import { tempDir } from '../../../../../support/temp-dir.ts'

const dayMs = 86_400_000

async function setup(t: TestContext) {
  const directory = await tempDir(t)
  const clock = new ManualClock(Date.UTC(2026, 0, 1))
  const context = { clock, random: new SeededRandom(1), log: pino({ level: 'silent' }) }
  return { directory, clock, kept: () => keptCertificate(directory, context) }
}

test('a certificate that is made is for this machine, under all its names', async (t) => {
  const { kept } = await setup(t)
  const parsed = new X509Certificate((await kept()).cert)
  for (const name of ['localhost', hostname()]) assert.ok(parsed.checkHost(name), name)
  for (const address of ['127.0.0.1', '::1']) assert.ok(parsed.checkIP(address), address)
  assert.equal(parsed.checkHost('example.org'), undefined)
  assert.ok(parsed.verify(parsed.publicKey))
  assert.equal(parsed.ca, false)
  assert.equal(parsed.validFrom, 'Dec 31 00:00:00 2025 GMT')
})

test('a certificate is kept until it has less than 30 days left', async (t) => {
  const { kept, clock } = await setup(t)
  const first = await kept()
  clock.jumpWall(clock.wallMs() + (824 - 30) * dayMs)
  assert.deepEqual(await kept(), first)
  clock.jumpWall(clock.wallMs() + dayMs)
  assert.notDeepEqual(await kept(), first)
})

test('dates from 2050 on are written in full', async (t) => {
  const { kept, clock } = await setup(t)
  clock.jumpWall(Date.UTC(2049, 11, 31))
  const parsed = new X509Certificate((await kept()).cert)
  assert.equal(parsed.validFrom, 'Dec 30 00:00:00 2049 GMT')
  assert.match(parsed.validTo, /2052 GMT$/)
})

for (const name of ['kinesis-cert.pem', 'kinesis-key.pem']) {
  test(`a pair whose ${name} is damaged is made anew`, async (t) => {
    const { kept, directory } = await setup(t)
    const first = await kept()
    await writeFile(join(directory, name), 'damaged')
    const second = await kept()
    assert.notEqual(second.cert, first.cert)
    assert.deepEqual(await kept(), second)
  })
}
