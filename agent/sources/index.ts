import { gpio } from './gpio/gpio.ts'
import { gps } from './gps/gps.ts'
import { exec } from './exec/exec.ts'
import { http } from './http/http.ts'
import { journald } from './journald/journald.ts'
import { metrics } from './metrics/metrics.ts'
import { mqtt } from './mqtt/mqtt.ts'
import { sensors } from './sensors/sensors.ts'
import { serial } from './serial/serial.ts'
import type { SourceType } from './source.ts'
import { stdin } from './stdin/stdin.ts'
import { syslog } from './syslog/syslog.ts'
import { tail } from './tail/tail.ts'

/** Every kind of source. A new one is added here. */
export const sourceTypes: readonly SourceType[] = [
  tail,
  stdin,
  http,
  metrics,
  sensors,
  gpio,
  serial,
  gps,
  journald,
  exec,
  syslog,
  mqtt
]
