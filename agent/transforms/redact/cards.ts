/** Runs of digits, in groups or not, that may hold the number of a card; bounded for the regex. */
const candidate = /(?<!\d)\d(?:[ -]?\d){12,63}(?!\d)/g

const fewestDigits = 13
const mostDigits = 19

/** Replaces the numbers of payment cards: 13 to 19 digits that begin and add up as cards do. */
export function replaceCards(text: string, replace: (card: string) => string): string {
  if (!/\d{4}/.test(text)) return text
  return text.replace(candidate, (run) => withoutCards(run, replace))
}

/** A card begins and ends where a group of digits does, for its neighbours may be numbers too. */
function withoutCards(run: string, replace: (card: string) => string): string {
  const groups = [...run.matchAll(/\d+/g)].map(({ index, 0: digits }) => ({ index, digits }))
  let text = ''
  let done = 0
  for (let first = 0; first < groups.length; ) {
    const last = lastOfCard(groups, first)
    const from = groups[first]
    const to = last === undefined ? undefined : groups[last]
    if (from && to && last !== undefined) {
      const end = to.index + to.digits.length
      text += run.slice(done, from.index) + replace(run.slice(from.index, end))
      done = end
      first = last + 1
    } else {
      first += 1
    }
  }
  return text + run.slice(done)
}

function lastOfCard(
  groups: readonly { readonly digits: string }[],
  first: number
): number | undefined {
  let digits = ''
  for (let last = first; last < groups.length && digits.length <= mostDigits; last++) {
    digits += groups[last]?.digits ?? ''
    if (isCard(digits)) return last
  }
  return undefined
}

/** First digits 2 to 6 are those of the payment networks (ISO/IEC 7812); the last is a Luhn digit. */
export function isCard(digits: string): boolean {
  if (digits.length < fewestDigits || digits.length > mostDigits) return false
  if (!/^[2-6]/.test(digits)) return false
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i])
    const doubled = i % 2 === 1 ? digit * 2 : digit
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}
