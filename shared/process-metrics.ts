import { cpuUsage, memoryUsage, uptime } from 'node:process'
import type { MetricSpec } from './metrics.ts'

/** What every program reports of its process, under the names Prometheus gives them everywhere. */
export const processMetrics: readonly MetricSpec<unknown>[] = [
  {
    name: 'process_resident_memory_bytes',
    help: 'Memory the process holds.',
    type: 'gauge',
    read: () => memoryUsage.rss()
  },
  {
    name: 'process_cpu_seconds_total',
    help: 'Processor time, user and system.',
    type: 'counter',
    read: () => {
      const { user, system } = cpuUsage()
      return (user + system) / 1e6
    }
  },
  {
    name: 'process_uptime_seconds',
    help: 'Time since the start.',
    type: 'gauge',
    read: () => uptime()
  }
]
