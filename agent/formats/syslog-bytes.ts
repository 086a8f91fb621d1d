const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
// biome-ignore lint/suspicious/noControlCharactersInRegex: the ASCII range is what is meant
const ascii = /^[\0-\x7f]*$/

/** One character for each byte, so that places in the text are places in the bytes. */
export function byteText(line: string | Buffer): string {
  if (typeof line !== 'string') return line.toString('latin1')
  return ascii.test(line) ? line : Buffer.from(line).toString('latin1')
}

/** The characters that a piece of byte text stands for: UTF-8, or as it is where that fails. */
export function readable(bytes: string): string {
  if (ascii.test(bytes)) return bytes
  try {
    return utf8.decode(Buffer.from(bytes, 'latin1'))
  } catch {
    return bytes
  }
}

/** What a sticky pattern matches at this very place. */
export function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(text)
}
