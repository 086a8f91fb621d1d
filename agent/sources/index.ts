import type { SourceType } from './source.ts'

/**
 * Every kind of source, by the key that names it in the configuration. What the configuration does
 * not name is not loaded. A new one is added here.
 */
export const sourceLoaders: Readonly<Record<string, () => Promise<SourceType>>> = {
  tail: async () => (await import('./tail/tail.ts')).tail,
  stdin: async () => (await import('./stdin/stdin.ts')).stdin,
  http: async () => (await import('./http/http.ts')).http,
  metrics: async () => (await import('./metrics/metrics.ts')).metrics,
  sensors: async () => (await import('./sensors/sensors.ts')).sensors,
  gpio: async () => (await import('./gpio/gpio.ts')).gpio,
  serial: async () => (await import('./serial/serial.ts')).serial,
  gps: async () => (await import('./gps/gps.ts')).gps,
  journald: async () => (await import('./journald/journald.ts')).journald,
  exec: async () => (await import('./exec/exec.ts')).exec,
  syslog: async () => (await import('./syslog/syslog.ts')).syslog,
  mqtt: async () => (await import('./mqtt/mqtt.ts')).mqtt
}
