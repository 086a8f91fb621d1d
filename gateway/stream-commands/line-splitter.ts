import { HeadwaterError } from '../../shared/errors.ts'
import { recordLimits } from '../../shared/record.ts'

/** Cuts bytes into lines, keeping what came of a line until the rest does. */
export class LineSplitter {
  #rest: Buffer = Buffer.alloc(0)

  /** The lines that end in `chunk`, without their ends. Throws `too_large` for one that does not end. */
  push(chunk: Buffer): Buffer[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const lines: Buffer[] = []
    let start = 0
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
      lines.push(bytes.subarray(start, bytes[end - 1] === 13 && end > start ? end - 1 : end))
      start = end + 1
    }
    this.#rest = bytes.subarray(start)
    if (this.#rest.length > recordLimits.recordBytes) {
      throw new HeadwaterError('too_large', `a line of more than ${recordLimits.recordBytes} bytes`)
    }
    return lines
  }

  /** What stands behind the last line end. */
  end(): Buffer[] {
    return this.#rest.length === 0 ? [] : [this.#rest]
  }
}
