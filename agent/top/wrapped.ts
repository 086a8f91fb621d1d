/** A line of text and how it stands out. */
export interface Line {
  readonly text: string
  readonly tone?: 'strong' | 'alarm'
}

/** Name of a field and what follows it stand this far apart. */
const indent = 9

/** `lost     3 records` */
export function field(name: string, text: string): string {
  return `${name.padEnd(indent)}${text}`
}

/**
 * Goes on below itself where it is too long: after a comma, and where a part alone is too long after
 * a word. A longer word stays as it is.
 */
export function wrapped({ text, ...tone }: Line, columns: number): Line[] {
  const parts = joined(text.split(', '), ', ', columns - 1)
  const lines = parts.flatMap((part) => (part.length <= columns ? [part] : byWords(part, columns)))
  return lines.map((line) => ({ text: line, ...tone }))
}

function byWords(line: string, columns: number): string[] {
  const at = line.search(/[^ ]/)
  const [first = '', ...rest] = line.slice(at).split(/(?<=\S) (?=\S)/)
  return joined([line.slice(0, at) + first, ...rest], ' ', columns)
}

/** As many parts a line as fit, each line but the first below the beginning of the field's text. */
function joined(parts: readonly string[], between: string, columns: number): string[] {
  const lines: string[] = []
  for (const part of parts) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + between.length + part.length <= columns) {
      lines[lines.length - 1] = `${last}${between}${part}`
    } else {
      lines.push(last === undefined ? part : field('', part))
    }
  }
  return lines
}
