import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify
} from 'node:crypto'
import { asHeadwaterError, HeadwaterError } from './errors.ts'
import { requireName } from './record.ts'
import { Fields } from './wire/fields.ts'

/** Whom a configuration is for: every agent, those of a group, or one device. */
export type Target = 'all' | `group/${string}` | `device/${string}`

/** What is signed. All of it, so that nobody can give a configuration to others or an old one again. */
export interface ConfigContent {
  /** An agent takes only higher ones than it has seen of this key. */
  readonly version: number
  readonly target: Target
  /** Keys of `agent.yaml`, as YAML. */
  readonly config: string
}

/** A configuration as it was signed. Whether the signature is right, only `verifyConfig` says. */
export interface SignedConfig extends ConfigContent {
  /** Names the key it was signed with: the first 16 hexadecimal digits of its SHA-256. */
  readonly keyId: string
  /** The whole text, as it is stored and served. */
  readonly text: string
  /** SHA-256 of `text`, hexadecimal. */
  readonly digest: string
}

export const signedConfigType = 'application/vnd.headwater.signed-config+json'

/** Longest text of a signed configuration. Bytes. */
export const maxSignedBytes = 512 * 1024

const format = 1
/** No signature made for another purpose is one of a configuration. */
const domain = 'headwater signed configuration 1\n'
const prefix = 'ed25519:'

/** A new pair: the public key as one line, the private one as PEM (PKCS 8). */
export function makeConfigKeys(): { readonly publicKey: string; readonly privateKey: string } {
  const { privateKey } = generateKeyPairSync('ed25519')
  return {
    publicKey: publicLine(privateKey),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  }
}

/** The text to be stored at the gateway. Throws `config` when `privateKey` is no Ed25519 key in PEM. */
export function signConfig(content: ConfigContent, privateKey: string): string {
  const key = readPrivateKey(privateKey)
  const { version, target, config } = content
  const signed = JSON.stringify({ version, target, config })
  const signature = sign(null, Buffer.from(domain + signed), key).toString('base64')
  const envelope = { v: format, key: keyId(publicLine(key)), content: signed, signature }
  return `${JSON.stringify(envelope, null, 2)}\n`
}

/** Takes the text apart. Throws `invalid` naming the field. */
export function readSignedConfig(text: string): SignedConfig {
  const { fields, content } = open(text)
  return {
    version: content.int('version', 1, Number.MAX_SAFE_INTEGER),
    target: parseTarget(content.text('target')),
    config: content.text('config'),
    keyId: fields.text('key'),
    text,
    digest: digestOf(text)
  }
}

/** SHA-256 of a text that was signed, or says so; hexadecimal. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Throws `forbidden` when none of these keys signed it, `invalid` when it cannot be understood. */
export function verifyConfig(text: string, publicKeys: readonly string[]): SignedConfig {
  const config = readSignedConfig(text)
  const line = publicKeys.find((one) => keyId(one) === config.keyId)
  if (line === undefined) {
    const known = publicKeys.map(keyId).join(', ')
    const message = `it is signed with the key ${config.keyId}; remote.publicKey has ${known}`
    throw new HeadwaterError('forbidden', message)
  }
  const { fields } = open(text)
  const signature = Buffer.from(fields.text('signature'), 'base64')
  const signed = Buffer.from(domain + fields.text('content'))
  if (verify(null, signed, publicKeyOf(line), signature)) return config
  throw new HeadwaterError('forbidden', `its signature is not one of the key ${config.keyId}`)
}

/** Public keys, one a line or with spaces between. Throws `invalid`. */
export function parsePublicKeys(text: string): readonly string[] {
  const lines = text.split(/\s+/).filter((one) => one !== '')
  for (const line of lines) publicKeyOf(line)
  if (lines.length > 0) return lines
  throw new HeadwaterError('invalid', `must be a public key, as in ${prefix}…`)
}

/** Throws `invalid`. */
export function parseTarget(text: string): Target {
  if (text === 'all') return text
  const [kind, name, ...more] = text.split('/')
  if ((kind === 'device' || kind === 'group') && more.length === 0) {
    return `${kind}/${requireName(name, kind)}`
  }
  throw new HeadwaterError('invalid', 'field "target" must be all, device/NAME or group/NAME')
}

function open(text: string): { readonly fields: Fields; readonly content: Fields } {
  try {
    const fields = new Fields(JSON.parse(text), 'signed configuration')
    fields.int('v', format, format)
    return { fields, content: new Fields(JSON.parse(fields.text('content')), 'its content') }
  } catch (thrown) {
    throw asHeadwaterError(thrown, 'invalid')
  }
}

function readPrivateKey(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem)
    if (key.asymmetricKeyType === 'ed25519') return key
    throw new Error(`it is of type ${key.asymmetricKeyType}`)
  } catch (cause) {
    const message = `the private key must be Ed25519 in PEM, as "config keygen" makes it`
    throw new HeadwaterError('config', `${message}: ${String(cause)}`, { cause })
  }
}

/** `ed25519:` and the 32 bytes of the key in base64url, of a public key or of its private one. */
function publicLine(key: KeyObject): string {
  return `${prefix}${createPublicKey(key).export({ format: 'jwk' }).x}`
}

function publicKeyOf(line: string): KeyObject {
  const x = line.startsWith(prefix) ? line.slice(prefix.length) : ''
  if (!/^[\w-]{43}$/.test(x)) {
    const message = `must be a public key, ${prefix} and 43 characters, as "config keygen" prints it`
    throw new HeadwaterError('invalid', message)
  }
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}

function keyId(line: string): string {
  return digestOf(line).slice(0, 16)
}
