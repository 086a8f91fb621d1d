import { readFile } from 'node:fs/promises'
import { inspect } from 'node:util'
import { HeadwaterError } from './errors.ts'

const hidden = '***'
// A property and not a private field, so that two secrets compare as what they are; a symbol, so
// that no printer or serializer finds it.
const held = Symbol('text')

/** A text that shows as `***` wherever a value is printed or logged; only `read` gives it away. */
export class Secret {
  readonly [held]: string | undefined
  /** The file that holds it, when it is not in the configuration itself. */
  readonly file: string | undefined

  private constructor(text: string | undefined, file: string | undefined) {
    this[held] = text
    this.file = file
  }

  static text(text: string): Secret {
    return new Secret(text, undefined)
  }

  /** Read anew at each `read`, so that a rotated secret is taken without a restart. */
  static inFile(path: string): Secret {
    return new Secret(undefined, path)
  }

  /**
   * The text, without white space around it. Rejects with `config` when the file cannot be read, or
   * does not hold one line of text.
   */
  async read(): Promise<string> {
    if (this.file === undefined) return this[held] ?? ''
    const text = await readFile(this.file, 'utf8').catch((cause: unknown) => {
      throw new HeadwaterError('config', `cannot read the secret in ${this.file}`, { cause })
    })
    const secret = text.trim()
    if (/^[^\p{Cc}]+$/u.test(secret)) return secret
    const what = secret === '' ? 'is empty' : 'must hold one line of text'
    throw new HeadwaterError('config', `the file of a secret, ${this.file}, ${what}`)
  }

  toString(): string {
    return hidden
  }

  toJSON(): string {
    return hidden
  }

  [inspect.custom](): string {
    return hidden
  }
}
