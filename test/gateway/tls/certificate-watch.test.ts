import assert from 'node:assert/strict'
import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { CertificateWatch } from '../../../gateway/tls/certificate-watch.ts'
import type { TlsConfig } from '../../../gateway/tls-config.ts'
import type { TlsSettings } from '../../../gateway/fronts/tls/tls-source.ts'
import { createLog } from '../../../shared/log.ts'
import { Authority } from '../../support/authority.ts'
import { cleanUp } from '../../support/cleanup.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { tempDir } from '../../support/temp-dir.ts'

async function setup(t: TestContext) {
  const directory = await tempDir(t)
  const authority = Authority.make(directory)
  if (!authority) {
    t.skip('openssl is not installed')
    return undefined
  }
  const [one, two] = [authority.issue('one'), authority.issue('two')]
  const config: TlsConfig = {
    cert: { file: join(directory, 'live.pem') },
    key: { file: join(directory, 'live.key') }
  }
  const install = async (pair: { readonly cert: string; readonly key: string }) => {
    await copyFile(pair.key, join(directory, 'live.key'))
    await copyFile(pair.cert, join(directory, 'live.pem'))
  }
  await install(one)
  const clock = new ManualClock(Date.now())
  const log = createLog('test', 'silent')
  const errors: unknown[] = []
  log.error = (fields: unknown) => errors.push(fields)
  const watch = new CertificateWatch(config, { clock, log })
  const seen: TlsSettings[] = []
  watch.onChange((settings) => seen.push(settings))
  cleanUp(t, () => watch.stop())
  /** One look at the files; it is over when the watch sleeps again. */
  const look = async () => {
    await clock.advance(5000)
    await clock.asleep(1)
  }
  return { directory, authority, config, one, two, install, clock, watch, seen, errors, look }
}

test('a new certificate is taken when its files change, and its end is known', async (t) => {
  const s = await setup(t)
  if (!s) return
  await s.watch.start()
  const before = s.watch.current()
  const days = s.watch.stats().expiresInMs / 86_400_000
  assert.ok(days > 1.9 && days <= 2, `${days} days`)
  await s.look()
  assert.deepEqual(s.seen, [])
  await s.install(s.two)
  await s.look()
  assert.equal(s.seen.length, 1)
  assert.notEqual(s.watch.current().cert, before.cert)
  assert.equal(s.watch.current(), s.seen[0])
  assert.deepEqual([s.watch.stats().renewals, s.watch.stats().failures], [1, 0])
})

test('files that cannot be used leave the certificate as it is, are reported once, and good ones are taken afterwards', async (t) => {
  const s = await setup(t)
  if (!s) return
  await s.watch.start()
  const before = s.watch.current()
  // The key of another certificate, as in the middle of a renewal.
  await copyFile(s.two.key, join(s.directory, 'live.key'))
  await s.look()
  await s.look()
  assert.equal(s.watch.current(), before)
  assert.deepEqual([s.watch.stats().failures, s.errors.length, s.seen.length], [1, 1, 0])
  await s.install(s.two)
  await s.look()
  assert.equal(s.seen.length, 1)
})

test('a start or reload with certificates that cannot be used names the key and the file', async (t) => {
  const s = await setup(t)
  if (!s) return
  const { watch, config, directory } = s
  await watch.start()
  const absent = { file: join(directory, 'absent.pem') }
  const nonsense = { file: join(directory, 'nonsense.pem') }
  await writeFile(nonsense.file, '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n')
  for (const [bad, message] of [
    [{ cert: absent }, /tls\.cert: .*absent\.pem cannot be read/],
    [{ cert: nonsense }, /tls\.cert: .*nonsense\.pem is not/],
    [{ key: nonsense }, /tls\.key: .*nonsense\.pem is not/],
    [{ key: { file: s.two.key } }, /tls\.key: .*two\.key is not the key of the certificate/],
    [{ clientCa: nonsense }, /tls\.clientCa: .*nonsense/],
    [{ clientCa: { file: s.authority.cert }, clientCrl: nonsense }, /tls\.clientCrl: .*nonsense/]
  ] as const) {
    await assert.rejects(watch.reload({ ...config, ...bad }), { code: 'config', message })
  }
  assert.deepEqual(s.seen, [])
})
