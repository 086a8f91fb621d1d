import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../../../../shared/clock.ts'
import type { Log } from '../../../../../shared/log.ts'
import type { Random } from '../../../../../shared/random.ts'
import { replaceFile } from '../../../../../shared/replace-file.ts'
import { type Certificate, selfSigned } from './certificate.ts'

/** A certificate that has less left is made anew. */
const leastLeftMs = 30 * 86_400_000

/**
 * The certificate of this gateway: `kinesis-cert.pem` in `directory`, which clients can be told to
 * trust, and its key beside it, which only the owner can read. Made when there is none, or when it
 * is about to expire.
 */
export async function keptCertificate(
  directory: string,
  context: { readonly clock: Clock; readonly random: Random; readonly log: Log }
): Promise<Certificate> {
  const { clock, random, log } = context
  const certPath = join(directory, 'kinesis-cert.pem')
  const keyPath = join(directory, 'kinesis-key.pem')
  const kept = await load(certPath, keyPath)
  const nowMs = clock.wallMs()
  if (kept && isGood(kept, nowMs)) return kept
  const made = selfSigned([hostname()], { nowMs, random })
  await mkdir(directory, { recursive: true })
  await replaceFile(keyPath, made.key)
  await replaceFile(certPath, made.cert)
  log.info({ certificate: certPath }, 'made a self-signed certificate')
  return made
}

async function load(certPath: string, keyPath: string): Promise<Certificate | undefined> {
  try {
    return { cert: await readFile(certPath, 'utf8'), key: await readFile(keyPath, 'utf8') }
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw thrown
  }
}

function isGood({ cert, key }: Certificate, nowMs: number): boolean {
  try {
    const parsed = new X509Certificate(cert)
    if (!parsed.checkPrivateKey(createPrivateKey(key))) return false
    return Date.parse(parsed.validTo) - nowMs >= leastLeftMs
  } catch {
    // Cut short or edited: a new one is as good.
    return false
  }
}
