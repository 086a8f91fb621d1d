import assert from 'node:assert/strict'
import { appendFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { gga, rmc, sentence } from './nmea-sentences.ts'
import { type ReadRecord, textOf } from './programs.ts'

/** Fixes of a day: one for every ten minutes. */
export const fixesPerDay = 144
export const dayMs = 24 * 3_600_000
const fixEveryMs = dayMs / fixesPerDay

/** A file of NMEA that grows by one fix for every ten minutes of a drive to the north. */
export class NmeaTrack {
  readonly path: string
  readonly #startMs: number
  count = 0

  constructor(path: string, startMs: number) {
    this.path = path
    this.#startMs = startMs
  }

  async drive(fixes: number): Promise<void> {
    let text = ''
    for (let i = 0; i < fixes; i++) text += this.#next()
    await appendFile(this.path, text)
  }

  /** Rubbish, wrong checksums, no position, and a sentence in two writes with a pause between. */
  async driveBadly(): Promise<void> {
    const spot = { time: this.#startMs + this.count * fixEveryMs, north: 10 }
    await appendFile(this.path, Buffer.from([0, 255, 13, 10, 36, 36, 200, 10]))
    await appendFile(this.path, rmc(spot).replace(/\*..\r/, '*00\r'))
    await appendFile(this.path, sentence('GPRMC,120000.00,V,,,,,,,010126,,,N'))
    const next = this.#next()
    await appendFile(this.path, next.slice(0, 30))
    await delay(1100)
    await appendFile(this.path, next.slice(30))
  }

  /** The number of the fix that a record holds, by its time; its place must be that of this number. */
  numberOf(record: ReadRecord): number {
    const number = (record.time - this.#startMs) / fixEveryMs
    assert.ok(Number.isInteger(number), `a fix of ${new Date(record.time).toISOString()}`)
    const { lat } = JSON.parse(textOf(record))
    assert.ok(Math.abs(lat - (48 + (7 + number / 1000) / 60)) < 1e-6, `fix ${number} at ${lat}`)
    return number
  }

  #next(): string {
    const spot = { time: this.#startMs + this.count * fixEveryMs, north: 7 + this.count / 1000 }
    this.count += 1
    return rmc(spot) + gga(spot)
  }
}
