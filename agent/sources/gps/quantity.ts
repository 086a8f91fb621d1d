import { z } from 'zod'
import { attempt } from '../../../shared/config/fields.ts'
import { HeadwaterError } from '../../../shared/errors.ts'

interface QuantityKind {
  /** What it is, for messages. */
  readonly name: string
  readonly example: string
  /** Factors to the first unit, which the program uses. */
  readonly units: Readonly<Record<string, number>>
  /** In the first unit. */
  readonly max: number
}

/** Metres. */
export const distance = () =>
  quantity({
    name: 'a distance',
    example: '25 m',
    units: { m: 1, km: 1000, ft: 0.3048, mi: 1609.344 },
    max: 1_000_000
  })

/** Degrees. */
export const angle = () =>
  quantity({ name: 'an angle', example: '15 deg', units: { deg: 1, '°': 1 }, max: 180 })

/** Metres per second. */
export const speed = () =>
  quantity({
    name: 'a speed',
    example: '2 m/s',
    units: { 'm/s': 1, 'km/h': 1 / 3.6, kn: 1852 / 3600, mph: 0.44704 },
    max: 1000
  })

function quantity(kind: QuantityKind) {
  const error = `must be ${kind.name} such as "${kind.example}"`
  const form = z.string({ error }).meta({ title: kind.name.replace(/^an? /, '') })
  return z.codec(form, z.number(), {
    decode: (text, context) => attempt(context, text, () => parse(text, kind)),
    encode: (value) => `${value} ${Object.keys(kind.units)[0]}`
  })
}

function parse(text: string, { name, example, units, max }: QuantityKind): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)\s*(\S+)$/.exec(text.trim()) ?? []
  if (digits === undefined || !Object.hasOwn(units, unit)) {
    throw new HeadwaterError(
      'config',
      `${JSON.stringify(text)} is not ${name}: write a number and ${list(Object.keys(units))}, as in "${example}"`
    )
  }
  const value = Number(digits) * (units[unit] ?? 1)
  if (value > 0 && value <= max) return value
  throw new HeadwaterError(
    'config',
    `must be more than 0 and at most ${max} ${Object.keys(units)[0]}, not ${JSON.stringify(text)}`
  )
}

function list(words: readonly string[]): string {
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}
