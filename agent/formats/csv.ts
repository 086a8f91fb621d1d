/**
 * The values of one line of separated values, with quotes as in RFC 4180; `separator` is one
 * character. Undefined when the quotes are wrong.
 */
export function parseCsvLine(line: string, separator = ','): string[] | undefined {
  const values: string[] = []
  let at = 0
  for (;;) {
    if (line[at] === '"') {
      const quoted = quotedValue(line, at)
      if (!quoted) return undefined
      values.push(quoted.value)
      at = quoted.next
    } else {
      const found = line.indexOf(separator, at)
      const end = found === -1 ? line.length : found
      const value = line.slice(at, end)
      if (value.includes('"')) return undefined
      values.push(value)
      at = end
    }
    if (at === line.length) return values
    if (line[at] !== separator) return undefined
    at += 1
  }
}

/** The value of the quotes that open at `start`, and where the text goes on behind them. */
function quotedValue(line: string, start: number): { value: string; next: number } | undefined {
  let from = start + 1
  let value = ''
  for (;;) {
    const quote = line.indexOf('"', from)
    if (quote === -1) return undefined
    value += line.slice(from, quote)
    if (line[quote + 1] !== '"') return { value, next: quote + 1 }
    value += '"'
    from = quote + 2
  }
}
