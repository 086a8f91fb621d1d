import { z } from 'zod'
import { flag, pem, pemKey } from '../../shared/config/fields.ts'

/** What the agent trusts, and shows of itself. */
export const tlsOptions = z.strictObject({
  ca: pem().optional().describe('Authorities to trust instead of those of the system.'),
  cert: pem().optional().describe('Certificate of this device.'),
  key: pemKey().optional().describe('Private key of this device.'),
  insecure: flag().prefault(false).describe('Accept any certificate; only for trying things out.')
})

/** The gateways in the order in which they are tried; one may be written without a list. */
export function gateways() {
  const url = z.string().check((context) => {
    const problem = urlProblem(context.value)
    if (problem) context.issues.push({ code: 'custom', message: problem, input: context.value })
  })
  const form = z.union([url, z.array(url).min(1)], {
    error: (issue) =>
      issue.input === undefined
        ? 'is missing: where shall records go? as in --to http://127.0.0.1:8080'
        : undefined
  })
  return z.codec(form, z.custom<readonly string[]>(), {
    decode: (urls) => (typeof urls === 'string' ? [urls] : urls),
    encode: (urls) => [...urls]
  })
}

function urlProblem(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !['http:', 'https:', 'mqtt:', 'mqtts:'].includes(url.protocol)) {
    return 'must be a URL of http, https, mqtt or mqtts, as in http://127.0.0.1:8080'
  }
  if (url.username !== '' || url.password !== '') {
    return 'must not hold a user or password; the device and its token are keys of their own'
  }
  return undefined
}
