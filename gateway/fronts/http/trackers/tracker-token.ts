import type { FastifyRequest } from 'fastify'

/** Name of the query parameter for apps that send no headers of their own. It is in no record. */
export const tokenParameter = 'token'

/** A device token where phone apps can put one: the password of Basic, or the query. */
export function trackerToken(request: FastifyRequest, query: URLSearchParams): string | undefined {
  const { authorization } = request.headers
  if (authorization === undefined) return query.get(tokenParameter) ?? undefined
  return basicOf(request)?.password
}

/** Undefined when `Authorization` is absent or not Basic (RFC 7617). */
export function basicOf({
  headers
}: FastifyRequest): { readonly user: string; readonly password: string } | undefined {
  const match = /^Basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(headers.authorization ?? '')
  if (!match) return undefined
  const text = Buffer.from(match[1] ?? '', 'base64').toString()
  const colon = text.indexOf(':')
  if (colon === -1) return undefined
  return { user: text.slice(0, colon), password: text.slice(colon + 1) }
}
