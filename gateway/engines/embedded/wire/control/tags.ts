import type { Tags } from '../../stream-settings.ts'
import type { WireObject } from '../operation.ts'
import { accountId } from '../wire-context.ts'
import { WireError } from '../wire-error.ts'
import { accountLimits } from './account-limits.ts'

/** What the tags are of, for messages: `stream s`. */
type Owner = string

const allowed = /^[\p{L}\p{N}\p{Z}_.:/=+\-@]*$/u

/** With these tags added or replaced, by key. Throws `InvalidArgumentException`. */
export function withTags(tags: Tags, added: Readonly<Record<string, string>>, owner: Owner): Tags {
  const merged = new Map(tags)
  for (const [key, value] of Object.entries(added)) {
    if (!allowed.test(key) || !allowed.test(value)) throw illegalCharacters(owner)
    if (key.toLowerCase().startsWith('aws:')) throw reservedKey(owner)
    merged.set(key, value)
  }
  if (merged.size > accountLimits.tagsOfResource) throw tooMany(owner)
  return [...merged].sort(([a], [b]) => (a < b ? -1 : 1))
}

export function withoutTags(tags: Tags, keys: readonly string[]): Tags {
  return tags.filter(([key]) => !keys.includes(key))
}

/** `TagList` of the API. */
export function tagList(tags: Tags): WireObject[] {
  return tags.map(([Key, Value]) => ({ Key, Value }))
}

function illegalCharacters(owner: Owner): WireError {
  return refusal(
    owner,
    "some tags contained illegal characters. The allowed characters are Unicode letters, white-spaces, '_',',','/','=','+','-','@'."
  )
}

function reservedKey(owner: Owner): WireError {
  return refusal(owner, "tag keys that begin with 'aws:' are reserved.")
}

function tooMany(owner: Owner): WireError {
  return refusal(
    owner,
    `a given stream cannot have more than ${accountLimits.tagsOfResource} tags associated with it.`
  )
}

function refusal(owner: Owner, reason: string): WireError {
  return new WireError(
    'InvalidArgumentException',
    `Failed to add tags to ${owner} under account ${accountId} because ${reason}`
  )
}
