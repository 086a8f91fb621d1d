import type { HttpRequest } from '../transport/http-exchange.ts'

/** Names and values of the query, decoded. */
export function queryOf({ url = '/' }: Pick<HttpRequest, 'url'>): (readonly [string, string])[] {
  const at = url.indexOf('?')
  if (at < 0) return []
  return url
    .slice(at + 1)
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [name = '', ...value] = pair.split('=')
      return [decode(name), decode(value.join('='))]
    })
}

/** What is not encoded well stands for itself. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
