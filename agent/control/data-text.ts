import { isUtf8 } from 'node:buffer'

/** A record's data as a person or a program can read it. */
export interface DataText {
  readonly bytes: number
  /** The data where it is UTF-8. */
  readonly text?: string
  /** Else its bytes in base64. */
  readonly data?: string
  /** Only the beginning is there. */
  readonly cut?: true
}

/** At most the first `maxBytes` of `data`, ending between two characters. */
export function dataText(data: Buffer, maxBytes: number): DataText {
  const bytes = data.length
  const cut = bytes > maxBytes ? { cut: true as const } : {}
  const shown = data.subarray(0, wholeCharacters(data, maxBytes))
  if (isUtf8(shown)) return { bytes, ...cut, text: shown.toString() }
  return { bytes, ...cut, data: data.toString('base64', 0, maxBytes) }
}

/** A character of UTF-8 goes on in bytes 10xxxxxx, three at most. */
function wholeCharacters(data: Buffer, maxBytes: number): number {
  if (data.length <= maxBytes) return data.length
  let end = maxBytes
  while (end > maxBytes - 3 && ((data[end] as number) & 0xc0) === 0x80) end -= 1
  return end
}
