import { Sender } from '../../agent/sender/sender.ts'
import { createTransport } from '../../agent/sender/transports/index.ts'
import type { Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import { type Flapping, FlappingLink } from './flapping-link.ts'
import { MemoryFrames } from './memory-frames.ts'

export interface VehicleOptions {
  readonly device: string
  readonly stream: string
  readonly gateway: URL
  readonly flapping: Flapping | undefined
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** One vehicle of the fleet: the agent's own sender and transport before a buffer in memory. */
export class Vehicle {
  readonly #options: VehicleOptions
  readonly #frames: MemoryFrames
  readonly #link: FlappingLink
  readonly #sender: Sender
  readonly #steady = new AbortController()
  #fixes = 0
  #position: { lat: number; lon: number; course: number }

  constructor(options: VehicleOptions) {
    const { device, stream, gateway, clock, random, log } = options
    this.#options = options
    this.#frames = new MemoryFrames({ device, stream, epoch: random.bytes(16).toString('hex') })
    const transport = createTransport(
      {
        ...{ url: gateway, device, token: undefined, format: 'cbor', gzip: false },
        ...{ tls: {}, timeoutMs: 30_000 }
      },
      clock
    )
    this.#link = new FlappingLink(transport)
    const backoff = { firstMs: 500, maxMs: 15_000 }
    this.#sender = new Sender({
      ...{ store: this.#frames, transport: this.#link, backoff },
      ...{ clock, random, log }
    })
    this.#position = {
      lat: 47 + random.fraction(),
      lon: 8 + random.fraction(),
      course: random.fraction() * 360
    }
  }

  get fixes(): number {
    return this.#fixes
  }

  get cuts(): number {
    return this.#link.cuts
  }

  get retries(): number {
    return this.#sender.stats().retries
  }

  get drained(): boolean {
    return this.#frames.empty
  }

  async start(): Promise<void> {
    const { flapping, clock, random } = this.#options
    await this.#sender.start()
    if (flapping) void this.#link.flap(flapping, { clock, random }, this.#steady.signal)
  }

  /** The next fix, numbered from 1: about 120 bytes of JSON. */
  fix(): void {
    const { device, clock, random } = this.#options
    const { lat, lon, course } = this.#position
    this.#fixes += 1
    const turned = (course + (random.fraction() - 0.5) * 20 + 360) % 360
    const radians = (turned / 180) * Math.PI
    this.#position = {
      lat: lat + Math.cos(radians) * 0.0001,
      lon: lon + Math.sin(radians) * 0.0001,
      course: turned
    }
    const fix = {
      n: this.#fixes,
      lat: round(lat),
      lon: round(lon),
      course: round(turned),
      speed: 11
    }
    const data = Buffer.from(JSON.stringify(fix))
    this.#frames.add({
      keys: [device],
      times: Float64Array.of(clock.wallMs()),
      lens: Uint32Array.of(data.length),
      data
    })
  }

  /** The link stays up from now on, so that the vehicle can get rid of what it holds. */
  steady(): void {
    this.#steady.abort()
  }

  async stop(): Promise<void> {
    this.#steady.abort()
    await this.#sender.stop(AbortSignal.abort())
  }
}

function round(value: number): number {
  return Math.round(value * 1e6) / 1e6
}
