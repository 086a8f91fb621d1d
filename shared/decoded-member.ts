import { isUtf8 } from 'node:buffer'

/**
 * What is added to the members of a JSON object that has the data in base64: `,"json":…` where it is
 * JSON, `,"text":…` where it is other text, else nothing. JSON stands as it is, on one line, because
 * its numbers may be more exact than JavaScript's; breaks are only between its parts.
 */
export function decodedMember(data: Buffer): string {
  if (!isUtf8(data)) return ''
  const text = data.toString()
  try {
    JSON.parse(text)
  } catch {
    return `,"text":${JSON.stringify(text)}`
  }
  return `,"json":${text.replaceAll(/[\r\n]/g, ' ').trim()}`
}
