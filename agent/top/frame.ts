import type { Line } from './view.ts'

// ECMA-48: what a terminal understands.
const home = '\u001b[H'
const eraseLine = '\u001b[K'
const eraseBelow = '\u001b[J'
const reset = '\u001b[0m'
const tones = { strong: '\u001b[1m', alarm: '\u001b[31m' } as const

/** Another page of the terminal without a cursor, so that what stood there comes back. */
export const openPage = '\u001b[?1049h\u001b[?25l'
export const closePage = '\u001b[?25h\u001b[?1049l'

/** Draws over what is there, without a flicker; what does not fit on `rows` is left out. */
export function frameOf(lines: readonly Line[], rows: number): string {
  const drawn = lines
    .slice(0, rows)
    .map(({ text, tone }) => `${tone ? `${tones[tone]}${text}${reset}` : text}${eraseLine}`)
  return `${home}${drawn.join('\r\n')}${eraseBelow}`
}
