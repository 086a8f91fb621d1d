import type { Fields } from './fields.ts'

const quoted = '"([^"\\\\]*(?:\\\\[^][^"\\\\]*)*)"'
const line = new RegExp(
  `^(\\S+) (\\S+) (\\S+) \\[([^\\]]+)\\] ${quoted} (\\d{3}) (\\d+|-)(?: ${quoted} ${quoted})?\\s*$`
)

/**
 * A line of an access log in the common or the combined form: `client`, `user`, `time` (as written),
 * `method`, `path`, `protocol`, `status`, `bytes`, `referer`, `userAgent`. What the line has as `-`
 * is left out; a request that is not three words is `request`. Undefined for any other line.
 */
export function parseAccessLog(text: string): Fields | undefined {
  const match = line.exec(text)
  if (!match) return undefined
  const [, client, , user, time, request = '', status, bytes, referer, userAgent] = match
  const fields: Fields = { client, user, time, ...requestParts(request) }
  fields['status'] = Number(status)
  if (bytes !== '-') fields['bytes'] = Number(bytes)
  Object.assign(fields, { referer, userAgent })
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === '-') delete fields[name]
  }
  return fields
}

function requestParts(request: string): Fields {
  const [method, path, protocol, ...more] = request.split(' ')
  return protocol === undefined || more.length > 0 ? { request } : { method, path, protocol }
}
