import { createHmac } from 'node:crypto'
import { type Fields, isFields, setField } from '../../formats/fields.ts'
import { type DetectorName, detectors, isSecretName } from './detectors.ts'

export interface RedactorOptions {
  readonly detect: readonly DetectorName[]
  /** Of the operator; global and unicode. */
  readonly patterns: readonly RegExp[]
  /** Text in the place of what was found, instead of its kind in brackets. */
  readonly replacement?: string | undefined
  /** What was found is named by its hash under this key, so that equal things stay equal. */
  readonly hashKey?: string | undefined
}

/**
 * A pattern of the operator is shown two steps and their context at once, which bounds the work of a
 * bad one; it finds whatever is no longer than a step. Characters.
 */
const stepChars = 4 * 1024
const contextChars = 256

/** Takes what must not be seen out of texts. */
export class Redactor {
  readonly #options: RedactorOptions

  constructor(options: RedactorOptions) {
    this.#options = options
  }

  /** The same string when there is nothing to be taken out. */
  text(text: string): string {
    let left = text
    for (const name of this.#options.detect) {
      left = detectors[name](left, (found) => this.mask(name, found))
    }
    for (const pattern of this.#options.patterns) {
      left = replaceAll(left, pattern, (found) => this.#own(found))
    }
    return left
  }

  /** In all values, however deep; undefined when there is nothing to be taken out. */
  fields(fields: Fields): Fields | undefined {
    const value = this.#value(fields)
    return value !== fields && isFields(value) ? value : undefined
  }

  mask(kind: string, found: string): string {
    const { replacement, hashKey } = this.#options
    if (hashKey === undefined) return replacement ?? `[${kind}]`
    const hash = createHmac('sha256', hashKey).update(found).digest('hex').slice(0, 16)
    return `[${kind}:${hash}]`
  }

  /** A pattern that matches nothing at all hides nothing. */
  #own(found: string): string {
    return found === '' ? '' : this.mask('redacted', found)
  }

  #value(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value)
    if (typeof value === 'number' || typeof value === 'bigint') {
      const text = String(value)
      const left = this.text(text)
      return left === text ? value : left
    }
    if (Array.isArray(value)) return this.#list(value)
    return isFields(value) ? this.#map(value) : value
  }

  #list(list: readonly unknown[]): readonly unknown[] {
    const left = list.map((one) => this.#value(one))
    return left.every((one, i) => one === list[i]) ? list : left
  }

  #map(fields: Fields): Fields {
    const secrets = this.#options.detect.includes('token')
    let left = fields
    for (const [name, value] of Object.entries(fields)) {
      const isSecret = secrets && typeof value === 'string' && value !== '' && isSecretName(name)
      const redacted = isSecret ? this.mask('token', value) : this.#value(value)
      if (redacted === value) continue
      if (left === fields) left = { ...fields }
      setField(left, name, redacted)
    }
    return left
  }
}

/** Whatever begins in a step is looked for up to the end of the next, so no end of one hides it. */
function replaceAll(text: string, pattern: RegExp, replace: (found: string) => string): string {
  let left = ''
  let done = 0
  for (let at = 0; at < text.length; ) {
    // Some of what stands before, for a pattern that looks behind itself.
    const from = Math.max(0, at - contextChars)
    const shown = text.slice(from, at + 2 * stepChars)
    const isLast = from + shown.length === text.length
    const next = isLast ? text.length : at + stepChars
    pattern.lastIndex = at - from
    for (const { index, 0: found } of shown.matchAll(pattern)) {
      const start = from + index
      if (start >= next && !isLast) break
      left += text.slice(done, start) + replace(found)
      done = start + found.length
    }
    at = Math.max(next, done)
  }
  return left + text.slice(done)
}
