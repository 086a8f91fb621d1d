/**
 * Milliseconds of a Retry-After header: seconds or an HTTP date (RFC 9110 section 10.2.3); undefined
 * when it is neither. A date is measured against the answer's own Date where there is one, since a
 * device's clock may be years off.
 */
export function retryAfterMs(header: string, date: string, wallMs: number): number | undefined {
  if (/^\d+$/.test(header)) return Number(header) * 1000
  const at = Date.parse(header)
  if (Number.isNaN(at)) return undefined
  const sentAt = Date.parse(date)
  return Math.max(0, at - (Number.isNaN(sentAt) ? wallMs : sentAt))
}
