import type { Line } from './wrapped.ts'

// ECMA-48: what a terminal understands.
const home = '\u001b[H'
const eraseLine = '\u001b[K'
const eraseBelow = '\u001b[J'
const reset = '\u001b[0m'
const tones = { strong: '\u001b[1m', alarm: '\u001b[31m' } as const

/** Another page of the terminal without a cursor, so that what stood there comes back. */
export const openPage = '\u001b[?1049h\u001b[?25l'
export const closePage = '\u001b[?25h\u001b[?1049l'

/**
 * Draws over what is there, without a flicker. The last of `rows` says how to leave, and how many
 * lines did not fit above it.
 */
export function frameOf(lines: readonly Line[], rows: number): string {
  const room = Math.max(0, rows - 2)
  const missing = lines.length - room
  const foot = missing > 0 ? `q quits; ${missing} more lines in a taller terminal` : 'q quits'
  const drawn = [...lines.slice(0, room), { text: '' }, { text: foot }]
    .slice(-rows)
    .map(({ text, tone }: Line) => `${tone ? `${tones[tone]}${text}${reset}` : text}${eraseLine}`)
  return `${home}${drawn.join('\r\n')}${eraseBelow}`
}
