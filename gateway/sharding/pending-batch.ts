/** A batch on its way: one promise for all of its records, wherever they went. */
export class PendingBatch {
  /** Order among all batches; a shard gets the records of a batch before those of a later one. */
  readonly arrival: number
  readonly durable: Promise<void>
  #left: number
  #resolve: () => void = () => undefined
  #reject: (error: Error) => void = () => undefined

  constructor(arrival: number, records: number) {
    this.arrival = arrival
    this.#left = records
    this.durable = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    if (records === 0) this.#resolve()
  }

  /** So many of its records are durable. */
  settle(records: number): void {
    this.#left -= records
    if (this.#left === 0) this.#resolve()
  }

  fail(error: Error): void {
    this.#reject(error)
  }
}
