/** What comes from elsewhere must not command the terminal of a person: `\n`, `\u001b`. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (one) => {
    const short = JSON.stringify(one).slice(1, -1)
    return short.length > 1 ? short : `\\u00${one.charCodeAt(0).toString(16)}`
  })
}
