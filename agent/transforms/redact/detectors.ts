import { isIPv6 } from 'node:net'
import { replaceCards } from './cards.ts'

export const detectorNames = ['email', 'ip', 'card', 'token'] as const

export type DetectorName = (typeof detectorNames)[number]

/** What it found is replaced by what `replace` gives. */
export type Detector = (text: string, replace: (found: string) => string) => string

// Every repetition has a bound, so the work grows with the text and not faster.

const emailHost = /@(?:[\p{L}\p{N}-]{1,63}\.){1,8}\p{L}{2,63}/gu
const emailName = /[\p{L}\p{N}._%+-]{1,64}$/u

const octet = '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)'
const ipv4 = new RegExp(`(?<![\\d.])${octet}(?:\\.${octet}){3}(?!\\.?\\d)`, 'g')
const ipv6 =
  /(?<![\w:.])(?:[\dA-Fa-f:]{2,40}:\d{1,3}(?:\.\d{1,3}){3}|[\dA-Fa-f:]{3,45})(?![\dA-Fa-f:])/g

/** Names whose values are secrets, in any text and as names of fields. */
const secretNames =
  'password|passwd|pwd|passphrase|secret|client[_-]?secret|api[_-]?key|apikey|access[_-]?key|' +
  'access[_-]?token|auth[_-]?token|refresh[_-]?token|id[_-]?token|token|authorization|' +
  'aws[_-]?secret[_-]?access[_-]?key|private[_-]?key'

const secretName = new RegExp(`^(?:${secretNames})$`, 'i')

/** Escaped quotes are those of JSON within JSON. */
const secretValues = [
  '\\\\"([^"\\\\]{1,4096})',
  '"((?:[^"\\\\]|\\\\.){1,4096})',
  "'([^'\\n]{1,4096})",
  '([^\\s"\'\\\\,;&{}()]{1,4096})'
]

const assigned = new RegExp(
  `(?<![A-Za-z\\d])((?:${secretNames})\\\\?["']?\\s{0,4}[=:]\\s{0,4})(?:${secretValues.join('|')})`,
  'gi'
)

/** What stands in the place of a secret already, or before it. */
const noSecret = /^(?:\[\w{1,16}(?::[\da-f]{16})?\]|bearer|basic|null|true|false)$/i

/** Tokens that are known by their own form. */
const token = new RegExp(
  [
    /(?<![\w-])eyJ[\w-]{5,4096}\.[\w-]{5,8192}(?:\.[\w-]{0,4096}){1,3}/,
    /(?<![A-Za-z\d])(?:A3T[A-Z\d]|AKIA|ASIA|ABIA|ACCA)[A-Z\d]{16}(?![A-Za-z\d])/,
    /(?<![A-Za-z\d])gh[oprsu]_[A-Za-z\d]{36,255}/,
    /(?<![A-Za-z\d])github_pat_\w{22,255}/,
    /(?<![A-Za-z\d])glpat-[\w-]{20,64}/,
    /(?<![A-Za-z\d])xox[abeoprs]-[\w-]{10,255}/,
    /(?<![A-Za-z\d])[rs]k_(?:live|test)_[A-Za-z\d]{16,255}/,
    /(?<![A-Za-z\d])AIza[\w-]{35}/,
    /(?<![A-Za-z\d])npm_[A-Za-z\d]{36}/,
    /(?<=:\/\/[^\s:/@]{1,64}:)[^\s@/]{1,256}(?=@)/
  ]
    .map(({ source }) => source)
    .join('|'),
  'g'
)

const bearer = /\b((?:Bearer|Basic)\s{1,4})([\w.~+/-]{8,8192}={0,2})/gi

export function isSecretName(name: string): boolean {
  return secretName.test(name)
}

export const detectors: Readonly<Record<DetectorName, Detector>> = {
  email: (text, replace) => (text.includes('@') ? replaceEmails(text, replace) : text),
  ip: (text, replace) =>
    /[.:]/.test(text)
      ? text.replace(ipv6, (found) => withoutIpv6(found, replace)).replace(ipv4, replace)
      : text,
  card: replaceCards,
  token: replaceTokens
}

/** Begins at the `@`, since nearly any word could be a name. */
function replaceEmails(text: string, replace: (found: string) => string): string {
  let left = ''
  let done = 0
  for (const { index, 0: host } of text.matchAll(emailHost)) {
    const name = emailName.exec(text.slice(Math.max(done, index - 64), index))?.[0]
    if (name === undefined) continue
    left += text.slice(done, index - name.length) + replace(name + host)
    done = index + host.length
  }
  return left + text.slice(done)
}

/** A colon behind the address belongs to the text. */
function withoutIpv6(found: string, replace: (found: string) => string): string {
  if (isIPv6(found)) return replace(found)
  const address = found.replace(/[:.]$/, '')
  return isIPv6(address) ? replace(address) + found.slice(address.length) : found
}

function replaceTokens(text: string, replace: (found: string) => string): string {
  return text
    .replace(token, replace)
    .replace(bearer, (_, before: string, secret: string) => before + replace(secret))
    .replace(assigned, (all: string, _: string, ...more: (string | undefined)[]) => {
      const secret = more.slice(0, secretValues.length).find((one) => one !== undefined) ?? ''
      if (noSecret.test(secret)) return all
      return all.slice(0, all.length - secret.length) + replace(secret)
    })
}
