import { z } from 'zod'
import { formatByteSize, parseByteSize } from '../byte-size.ts'
import { formatDuration, parseDuration } from '../duration.ts'
import { asHeadwaterError } from '../errors.ts'
import { formatListenAddress, type ListenAddress, parseListenAddress } from '../listen-address.ts'
import { isName } from '../record.ts'
import { Secret } from '../secret.ts'

// The kinds of values a configuration is made of. Each is a codec: what a person writes on one side,
// what the program uses on the other, so that the effective configuration can be written back.
// Defaults are given with `.prefault()`, in the form a person writes.

/** Milliseconds, written `250ms`, `60s`, `5m`, `24h`, `7d`. */
export function duration(bounds: Bounds = {}) {
  const form = z.string({ error: 'must be a duration such as "60s"' }).meta({ title: 'duration' })
  return z.codec(form, z.number().check(within(bounds, formatDuration)), {
    decode: (text, context) => attempt(context, text, () => parseDuration(text)),
    encode: formatDuration
  })
}

/** Bytes, written `256 KiB`, `16 MiB`, `1 GB`. */
export function byteSize(bounds: Bounds = {}) {
  const form = z.string({ error: 'must be a size such as "256 MiB"' }).meta({ title: 'size' })
  return z.codec(form, z.number().check(within(bounds, formatByteSize)), {
    decode: (text, context) => attempt(context, text, () => parseByteSize(text)),
    encode: formatByteSize
  })
}

/** A whole number; also as text, since `${ENV}` gives text. */
export function count(bounds: Bounds = {}) {
  const form = z.union([z.int(), z.string()]).meta({ title: 'number' })
  return z.codec(form, z.int().check(within(bounds, String)), {
    decode: (value, context) => {
      if (typeof value === 'number') return value
      if (/^\d{1,15}$/.test(value)) return Number(value)
      return refuse(context, value, `must be a whole number, not ${JSON.stringify(value)}`)
    },
    encode: (value) => value
  })
}

/** `true` or `false`; also as text, since `${ENV}` gives text. */
export function flag() {
  const form = z.union([z.boolean(), z.enum(['true', 'false'])]).meta({ title: 'true or false' })
  return z.codec(form, z.boolean(), {
    decode: (value) => value === true || value === 'true',
    encode: (value) => value
  })
}

/** The name of a stream or a device. */
export function name() {
  return z
    .string()
    .refine(isName, 'must be 1 to 128 characters of a-z A-Z 0-9 _ . -')
    .meta({ title: 'name' })
}

/** `HOST:PORT`, or `off` for none. */
export function listener() {
  return z.codec(
    z.string({ error: 'must be HOST:PORT or off' }).meta({ title: 'HOST:PORT or off' }),
    z.custom<ListenAddress | 'off'>(() => true),
    {
      decode: (text, context) =>
        text === 'off' ? text : attempt(context, text, () => parseListenAddress(text)),
      encode: (value) => (value === 'off' ? value : formatListenAddress(value))
    }
  )
}

/** A text that is never printed: `${ENV}`, `{ file: path }` or, where it must be, the text itself. */
export function secret() {
  const form = z
    .union([z.string().min(1), z.strictObject({ file: z.string() })])
    .meta({ title: 'secret' })
  return z.codec(
    form,
    z.custom<Secret>((value) => value instanceof Secret),
    {
      decode: (value) =>
        typeof value === 'string' ? Secret.text(value) : Secret.inFile(value.file),
      encode: (value) => (value.file === undefined ? String(value) : { file: value.file })
    }
  )
}

/** A certificate in PEM form. */
export function pem() {
  return z.string().refine(isPem, notPem).meta({ title: 'PEM' })
}

/** A private key in PEM form, printed as `***`. */
export function pemKey() {
  return z.codec(z.string().meta({ title: 'PEM' }), z.string(), {
    decode: (text, context) => (isPem(text) ? text : refuse(context, text, notPem)),
    encode: () => '***'
  })
}

const notPem = 'must be PEM text; to read it from a file write { file: <path> }'

function isPem(text: string): boolean {
  return text.includes('-----BEGIN ')
}

export interface Bounds {
  readonly min?: number
  readonly max?: number
}

function within(
  { min = 0, max = Number.MAX_SAFE_INTEGER }: Bounds,
  format: (value: number) => string
) {
  return z.refine<number>((value) => value >= min && value <= max, {
    error:
      max === Number.MAX_SAFE_INTEGER
        ? `must be at least ${format(min)}`
        : `must be from ${format(min)} to ${format(max)}`
  })
}

type Context = z.core.ParsePayload

/** What `parse` gives; an error it throws becomes an issue at this value. For the codecs of fields. */
export function attempt<T>(context: Context, input: unknown, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    return refuse(context, input, asHeadwaterError(error).message)
  }
}

function refuse(context: Context, input: unknown, message: string): never {
  context.issues.push({ code: 'custom', message, input })
  return z.NEVER
}
