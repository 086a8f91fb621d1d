/** What one reading of a sensor gave. */
export interface Measurement {
  /** In the unit of the sensor. */
  readonly value: number
  /** For a sensor of conditions: those that hold, by name. */
  readonly flags?: readonly string[]
}

/** One quantity that this machine can measure. */
export interface Sensor {
  /** The same after a restart: `w1/28-0316a2795fff`, `hwmon/ina219@1-0040/curr1`. */
  readonly id: string
  /** What is measured: `temperature`, `voltage`, `pressure`, … */
  readonly kind: string
  /** As RFC 8428 (SenML) writes it: `Cel`, `V`, `%RH`; absent where there is none or it is unknown. */
  readonly unit?: string
  /** What the driver calls it: `Core 0`. */
  readonly label?: string
  /** Rejects with what the kernel says, or with a `SensorFault`. Holds up nothing but itself. */
  read(): Promise<Measurement>
}

/** What an attribute of the kernel measures. */
export interface Quantity {
  readonly kind: string
  readonly unit: string
  /** From the kernel's unit to `unit`. */
  readonly factor: number
}

/** Why a reading that the kernel gave is none. */
export type Fault = 'crc_mismatch' | 'not_converted' | 'not_a_number'

export class SensorFault extends Error {
  readonly fault: Fault

  constructor(fault: Fault, message: string) {
    super(message)
    this.fault = fault
  }
}

/** `raw` times `factor` without the noise of binary fractions: 21062 m°C is 21.062 °C. */
export function scaled(raw: number, factor: number): number {
  return Number((raw * factor).toPrecision(10))
}
