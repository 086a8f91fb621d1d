/** Where nothing is known. */
export const unknown = '-'

/** `12.3 KiB`, for a person who looks at it once a second. */
export function bytesText(bytes: number | undefined): string {
  if (bytes === undefined) return unknown
  const steps = Math.min(4, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
  const value = bytes / 1024 ** steps
  const digits = steps === 0 || value >= 100 ? 0 : 1
  return `${value.toFixed(digits)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][steps]}`
}

/** `1,234,567` */
export function countText(count: number | undefined): string {
  return count === undefined ? unknown : Math.round(count).toLocaleString('en-US')
}

/** `0.5`, `118`: few digits, but never 0 for something. */
export function rateText(perSecond: number | undefined): string {
  if (perSecond === undefined) return unknown
  if (perSecond > 0 && perSecond < 0.1) return '<0.1'
  return perSecond < 10 ? perSecond.toFixed(1) : countText(perSecond)
}

/** `0.4 s`, `12 s`, `5 min`, `3 h 20 min`, `4 d 3 h` */
export function ageText(seconds: number | undefined): string {
  if (seconds === undefined) return unknown
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 120) return `${Math.round(seconds)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  return hours < 24
    ? `${hours} h ${minutes % 60} min`
    : `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** `1 record`, `3 records` */
export function many(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
