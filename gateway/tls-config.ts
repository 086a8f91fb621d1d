import { z } from 'zod'
import { pem, pemKey } from '../shared/config/fields.ts'

const inFile = z.strictObject({ file: z.string() })
const certificate = () => z.union([inFile, pem()]).meta({ title: 'PEM' })

/** A PEM text, or the file that holds it, which is read again when it changes. */
export type PemPlace = string | { readonly file: string }

/** `tls:` of `gateway.yaml`. */
export const tlsSchema = z
  .strictObject({
    cert: certificate().describe('Certificate of the gateway and those of its issuers.'),
    key: z.union([inFile, pemKey()]).meta({ title: 'PEM' }).describe('Its private key.'),
    clientCa: certificate()
      .optional()
      .describe('Authorities whose certificates name devices by their common name.'),
    clientAuth: z
      .enum(['require', 'allow'])
      .optional()
      .describe(
        'require (when there is a `clientCa`): no certificate, no connection. allow: a token does as well.'
      ),
    clientCrl: certificate().optional().describe('Certificates of them that were called back.')
  })
  .superRefine(({ clientCa, clientAuth, clientCrl }, context) => {
    if (clientCa !== undefined) return
    for (const [key, value] of Object.entries({ clientAuth, clientCrl })) {
      if (value === undefined) continue
      const message = 'needs clientCa, the authorities of the certificates'
      context.addIssue({ code: 'custom', path: [key], message })
    }
  })

export type TlsConfig = z.output<typeof tlsSchema>

/** Keys of `gateway.yaml` whose files the gateway reads itself. */
export const tlsFileKeys = ['tls.cert', 'tls.key', 'tls.clientCa', 'tls.clientCrl']

/** Whether every connection shows a certificate. */
export function requiresCertificates(tls: TlsConfig | undefined): boolean {
  return tls?.clientCa !== undefined && tls.clientAuth !== 'allow'
}
