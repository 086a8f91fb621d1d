import { type Fields, setField } from './fields.ts'

const pair = /\s*([^\s="]+)(?:=(?:"([^"\\]*(?:\\[^][^"\\]*)*)"|([^\s"]*)))?(?=\s|$)/y

/**
 * The pairs of a logfmt line, `level=info msg="disk full" retry`; a name alone is `true`, all other
 * values are text. Undefined when the line is anything else or has no `=` at all.
 */
export function parseLogfmt(line: string): Fields | undefined {
  const text = line.trimEnd()
  const fields: Fields = {}
  let pairs = 0
  pair.lastIndex = 0
  while (pair.lastIndex < text.length) {
    const match = pair.exec(text)
    if (!match) return undefined
    const [, name = '', quoted, bare] = match
    if (quoted !== undefined || bare !== undefined) pairs += 1
    setField(fields, name, quoted === undefined ? (bare ?? true) : unescaped(quoted))
  }
  return pairs > 0 ? fields : undefined
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }

function unescaped(text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(/\\(?:u([\da-fA-F]{4})|([^]))/g, (_, code?: string, char = '') =>
    code === undefined ? (escapes[char] ?? char) : String.fromCharCode(Number.parseInt(code, 16))
  )
}
