import { z } from 'zod'
import { duration, secret } from '../shared/config/fields.ts'

const publicAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA'
] as const
const secretAlgorithms = ['HS256', 'HS384', 'HS512'] as const

const jwt = z
  .strictObject({
    keys: z
      .union([
        z.url({ protocol: /^https?$/ }),
        z.strictObject({ file: z.string().describe('A JWKS.') })
      ])
      .optional()
      .describe(
        'Public keys (JWKS) of who signs: a URL, or a file that is read again when it changes.'
      ),
    secret: secret()
      .optional()
      .describe('Or the secret that both sides sign with, 32 bytes or more.'),
    issuer: z.string().min(1).optional().describe('What `iss` must be.'),
    audience: z
      .string()
      .min(1)
      .optional()
      .describe('What `aud` must be or hold; required with `keys`.'),
    deviceClaim: z.string().min(1).prefault('sub').describe('Claim that names the device.'),
    streamsClaim: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Claim that lists the streams it may write to; then a token without it is refused.'
      ),
    groupsClaim: z
      .string()
      .min(1)
      .optional()
      .describe('Claim that lists the groups whose configuration the device is given.'),
    algorithms: z
      .array(z.enum([...publicAlgorithms, ...secretAlgorithms]))
      .min(1)
      .optional()
      .describe('Algorithms that are taken; none: all that fit the kind of key.'),
    leeway: duration({ max: 600_000 })
      .prefault('30s')
      .describe('By how much clocks may differ, for `exp` and `nbf`.')
  })
  .superRefine(({ keys, secret: shared, audience, algorithms = [] }, context) => {
    const complain = (key: string, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message })
    if ((keys === undefined) === (shared === undefined)) {
      complain('keys', 'write either keys (a JWKS) or secret')
      return
    }
    if (keys !== undefined && audience === undefined) {
      complain('audience', 'is needed with keys: else tokens made for others get in')
    }
    if (typeof keys === 'string' && !/^https:|^http:\/\/(localhost|127\.|\[::1\])/.test(keys)) {
      complain('keys', 'must be https: who changes the keys on their way can be any device')
    }
    const fitting: readonly string[] = keys === undefined ? secretAlgorithms : publicAlgorithms
    const wrong = algorithms.find((one) => !fitting.includes(one))
    if (wrong) complain('algorithms', `${wrong} does not fit; possible are ${fitting.join(', ')}`)
  })

export type JwtConfig = z.output<typeof jwt>

/** `auth:` of `gateway.yaml`. */
export const authSchema = z.union([z.enum(['off', 'devices']), z.strictObject({ jwt })], {
  error: 'must be off, devices, or a map with jwt: { keys or secret }'
})

/** Keys of `gateway.yaml` whose files the gateway reads itself. */
export const authFileKeys = ['auth.jwt.keys', 'auth.jwt.secret']

/** Algorithms that a token may be signed with: never those of the other kind of key. */
export function algorithmsOf({ algorithms, keys }: JwtConfig): string[] {
  return [...(algorithms ?? (keys === undefined ? secretAlgorithms : publicAlgorithms))]
}
