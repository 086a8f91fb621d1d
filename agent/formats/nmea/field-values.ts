// Values of single fields. An empty field is undefined, a malformed one NaN, so that a sentence can
// be judged as a whole when all of its fields have been read.

type Value = number | undefined
type Text = string | undefined

/** A decimal number. */
export function numberOf(text: Text): Value {
  if (!text) return undefined
  return /^-?(?:\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})$/.test(text) ? Number(text) : Number.NaN
}

/** A number times `factor`, to three decimals. */
export function scaled(text: Text, factor: number): Value {
  const value = numberOf(text)
  return value === undefined ? undefined : Math.round(value * factor * 1000) / 1000
}

/** `ddmm.mmmm` and `N` or `S` as degrees. */
export function latitudeOf(text: Text, side: Text): Value {
  return angle(text, side, { form: /^(\d{2})(\d{2}(?:\.\d{0,12})?)$/, sides: 'NS', max: 90 })
}

/** `dddmm.mmmm` and `E` or `W` as degrees. */
export function longitudeOf(text: Text, side: Text): Value {
  return angle(text, side, { form: /^(\d{3})(\d{2}(?:\.\d{0,12})?)$/, sides: 'EW', max: 180 })
}

function angle(
  text: Text,
  side: Text,
  { form, sides, max }: { readonly form: RegExp; readonly sides: string; readonly max: number }
): Value {
  if (!text && !side) return undefined
  const [, degrees, minutes] = form.exec(text ?? '') ?? []
  const sign = [1, -1][sides.indexOf(side || '?')]
  if (degrees === undefined || sign === undefined || Number(minutes) >= 60) return Number.NaN
  const value = Number(degrees) + Number(minutes) / 60
  // Nine decimals are a tenth of a millimetre.
  return value > max ? Number.NaN : (sign * Math.round(value * 1e9)) / 1e9
}

/** `hhmmss.sss` as milliseconds of the day; a leap second is the 60th. */
export function timeOfDay(text: Text): Value {
  if (!text) return undefined
  const match = /^([01]\d|2[0-3])([0-5]\d)([0-5]\d|60)(\.\d{0,9})?$/.exec(text)
  if (!match) return Number.NaN
  const [, hours, minutes, seconds, fraction = ''] = match
  const ms = Math.round(Number(`0${fraction}`) * 1000)
  return (Number(hours) * 60 + Number(minutes)) * 60_000 + Number(seconds) * 1000 + ms
}

/** `ddmmyy` as the start of the day; years from 80 on are of the last century. */
export function dateOf(text: Text): Value {
  if (!text) return undefined
  const [, day, month, year] = /^(\d\d)(\d\d)(\d\d)$/.exec(text) ?? []
  if (day === undefined) return Number.NaN
  return dayOf(day, month, String(Number(year) + (Number(year) < 80 ? 2000 : 1900)))
}

/** Day, month and year of four digits as the start of the day. */
export function dayOf(day: Text, month: Text, year: Text): Value {
  if (!day && !month && !year) return undefined
  if (![day, month].every((one) => /^\d\d$/.test(one ?? '')) || !/^\d{4}$/.test(year ?? '')) {
    return Number.NaN
  }
  const start = Date.UTC(Number(year), Number(month) - 1, Number(day))
  const date = new Date(start)
  const isReal = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day)
  return isReal ? start : Number.NaN
}
