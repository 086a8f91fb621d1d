import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { isIPv4 } from 'node:net'
import type { Random } from '../../../../../shared/random.ts'
import { bits, integer, octets, oid, sequence, set, tagged, text, time, yes } from './der.ts'

/** PEM of both. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

const dayMs = 86_400_000
/** The longest that all clients take. */
const lifeMs = 825 * dayMs

const oids = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  altNames: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1'
} as const

/**
 * A new key (EC P-256) and a certificate that it signs itself, for this machine and `hosts`. It is
 * made so that strict clients take it when they are told to trust it (RFC 5280), and so that it
 * vouches for nothing but itself: it is no authority.
 */
export function selfSigned(
  hosts: readonly string[],
  { nowMs, random }: { readonly nowMs: number; readonly random: Random }
): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const algorithm = sequence(oid(oids.ecdsaWithSha256))
  const name = sequence(set(sequence(oid(oids.commonName), text('headwater'))))
  const body = sequence(
    tagged(0, integer(Buffer.of(2))),
    integer(serialNumber(random)),
    algorithm,
    name,
    // Begins a day ago, for clients whose clock is behind.
    sequence(time(nowMs - dayMs), time(nowMs - dayMs + lifeMs)),
    name,
    spki,
    tagged(3, sequence(...extensions(hosts, spki)))
  )
  const der = sequence(body, algorithm, bits(sign('sha256', body, privateKey)))
  const lines = der.toString('base64').replace(/.{1,64}/g, '$&\n')
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  }
}

function extensions(hosts: readonly string[], spki: Buffer): Buffer[] {
  const names = [...new Set(['localhost', ...hosts])].map((host) =>
    tagged(isIPv4(host) ? 7 : 2, isIPv4(host) ? ipv4(host) : Buffer.from(host), true)
  )
  const loopback = [ipv4('127.0.0.1'), Buffer.of(...Array(15).fill(0), 1)]
  names.push(...loopback.map((address) => tagged(7, address, true)))
  const keyId = createHash('sha1').update(spki).digest()
  const digitalSignature = bits(Buffer.of(0b1000_0000), 7)
  return [
    critical(oids.basicConstraints, sequence()),
    critical(oids.keyUsage, digitalSignature),
    sequence(oid(oids.extendedKeyUsage), octets(sequence(oid(oids.serverAuth)))),
    sequence(oid(oids.altNames), octets(sequence(...names))),
    sequence(oid(oids.subjectKeyId), octets(octets(keyId)))
  ]
}

function critical(id: string, value: Buffer): Buffer {
  return sequence(oid(id), yes(), octets(value))
}

function ipv4(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number))
}

/** Positive and of full length. */
function serialNumber(random: Random): Buffer {
  const bytes = random.bytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes
}
