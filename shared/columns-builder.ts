import { HeadwaterError } from './errors.ts'
import { type Attributes, type RecordColumns, recordLimits } from './record.ts'

/** What a record may lack: both come from the front, the key usually being the device. */
export interface RecordDefaults {
  readonly partitionKey: string
  readonly time: number
}

/** Gathers single records into columns, for the fronts and sources that receive them one by one. */
export class ColumnsBuilder {
  readonly #defaults: RecordDefaults
  readonly #keyIndex = new Map<string, number>()
  readonly #key: number[] = []
  readonly #times: number[] = []
  readonly #lens: number[] = []
  readonly #data: Uint8Array[] = []
  readonly #attributes: (Attributes | null)[] = []

  constructor(defaults: RecordDefaults) {
    this.#defaults = defaults
  }

  get count(): number {
    return this.#lens.length
  }

  /** `attributes` must have passed `isAttributes`; keys are judged by admission. */
  add(
    data: Uint8Array,
    options: { partitionKey?: string; time?: number; attributes?: Attributes | undefined } = {}
  ): void {
    if (this.count >= recordLimits.batchRecords) {
      throw new HeadwaterError(
        'too_large',
        `more than ${recordLimits.batchRecords} records in one batch`
      )
    }
    const partitionKey = options.partitionKey ?? this.#defaults.partitionKey
    let index = this.#keyIndex.get(partitionKey)
    if (index === undefined) {
      index = this.#keyIndex.size
      this.#keyIndex.set(partitionKey, index)
    }
    this.#key.push(index)
    this.#times.push(options.time ?? this.#defaults.time)
    this.#lens.push(data.length)
    this.#data.push(data)
    this.#attributes.push(options.attributes ?? null)
  }

  build(): RecordColumns {
    const keys =
      this.#keyIndex.size > 0 ? [...this.#keyIndex.keys()] : [this.#defaults.partitionKey]
    return {
      keys,
      ...(keys.length > 1 ? { key: Uint32Array.from(this.#key) } : {}),
      times: Float64Array.from(this.#times),
      lens: Uint32Array.from(this.#lens),
      data: Buffer.concat(this.#data),
      ...(this.#attributes.some((one) => one !== null) ? { attributes: this.#attributes } : {})
    }
  }
}
