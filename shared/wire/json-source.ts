const spaceEnd = 0x20
const structure = /["{}[\]]/g
const scalarEnd = /[\s,\]}]/g
const stringStop = /["\\]/g

/**
 * Member `name` of an object as it is written; of several, the last, as JSON.parse has it. Undefined
 * when there is none. `text` is known to be valid JSON and an object. For values that must stay what
 * they are: JSON.parse takes 12345678901234567890, 1e400 and 1.10 for other numbers or other text.
 */
export function memberText(text: string, name: string): string | undefined {
  let found: string | undefined
  let at = skipSpace(text, skipSpace(text, 0) + 1)
  while (text[at] === '"') {
    const nameEnd = endOfString(text, at)
    const from = skipSpace(text, skipSpace(text, nameEnd) + 1)
    const end = endOfValue(text, from)
    if (JSON.parse(text.slice(at, nameEnd)) === name) found = text.slice(from, end)
    at = skipSpace(text, skipSpace(text, end) + 1)
  }
  return found
}

/** The elements of an array as they are written. `text` is known to be valid JSON and an array. */
export function elementTexts(text: string): string[] {
  const found: string[] = []
  let at = skipSpace(text, skipSpace(text, 0) + 1)
  while (at < text.length && text[at] !== ']') {
    const end = endOfValue(text, at)
    found.push(text.slice(at, end))
    at = skipSpace(text, skipSpace(text, end) + 1)
  }
  return found
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (text.charCodeAt(at) <= spaceEnd) at++
  return at
}

function endOfValue(text: string, from: number): number {
  const isNested = text[from] === '{' || text[from] === '['
  if (!isNested) return text[from] === '"' ? endOfString(text, from) : search(text, from, scalarEnd)
  let depth = 0
  let at = from
  while (at < text.length) {
    if (text[at] === '"') at = endOfString(text, at)
    else {
      depth += text[at] === '{' || text[at] === '[' ? 1 : -1
      at += 1
      if (depth === 0) break
    }
    at = search(text, at, structure)
  }
  return at
}

/** The position behind the closing quote of the string that begins at `from`. */
function endOfString(text: string, from: number): number {
  let at = search(text, from + 1, stringStop)
  while (text[at] === '\\') at = search(text, at + 2, stringStop)
  return at + 1
}

/** Where a global pattern matches next; the end of the text when it does not. */
function search(text: string, from: number, pattern: RegExp): number {
  pattern.lastIndex = from
  return pattern.exec(text)?.index ?? text.length
}
