const fewestDigits = 13
const mostDigits = 19

/** Where a group of digits begins with one of the payment networks (ISO/IEC 7812). */
const beginning = /(?<!\d)[2-6]/g

/**
 * Replaces the numbers of payment cards: 13 to 19 digits that begin and add up as cards do, in one
 * group or in several with a space or a hyphen between them.
 */
export function replaceCards(text: string, replace: (card: string) => string): string {
  if (!/\d{4}/.test(text)) return text
  let left = ''
  let done = 0
  for (const { index } of text.matchAll(beginning)) {
    const end = index < done ? undefined : endOfCard(text, index)
    if (end === undefined) continue
    left += text.slice(done, index) + replace(text.slice(index, end))
    done = end
  }
  return left + text.slice(done)
}

/**
 * A card begins and ends where a group of digits does, for its neighbours may be numbers too. Its
 * last digit is that of Luhn: every second digit before it is doubled, and the digits of all this add
 * up to a multiple of ten.
 */
function endOfCard(text: string, start: number): number | undefined {
  let sum = 0
  let sumWithLastDoubled = 0
  for (let at = start, digits = 1; digits <= mostDigits; at++, digits++) {
    if (!isDigit(text, at)) {
      const isBetween = text[at] === ' ' || text[at] === '-'
      if (!isBetween || !isDigit(text, at + 1)) return undefined
      at += 1
    }
    const digit = Number(text[at])
    const sumBefore = sum
    sum = sumWithLastDoubled + digit
    sumWithLastDoubled = sumBefore + (digit > 4 ? 2 * digit - 9 : 2 * digit)
    if (isDigit(text, at + 1)) continue
    if (digits >= fewestDigits && sum % 10 === 0) return at + 1
  }
  return undefined
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code >= 48 && code <= 57
}
