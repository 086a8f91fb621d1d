import type { TransformType } from './transform.ts'

/**
 * Every kind of transform, by the key that names it in the configuration. What the configuration
 * does not name is not loaded. A new one is added here.
 */
export const transformLoaders: Readonly<Record<string, () => Promise<TransformType>>> = {
  parse: async () => (await import('./parse/parse.ts')).parse,
  filter: async () => (await import('./filter.ts')).filter,
  sample: async () => (await import('./sample.ts')).sample,
  dedupe: async () => (await import('./dedupe.ts')).dedupe,
  redact: async () => (await import('./redact/redact.ts')).redact,
  rename: async () => (await import('./rename.ts')).rename,
  enrich: async () => (await import('./enrich/enrich.ts')).enrich,
  key: async () => (await import('./key.ts')).key,
  deadband: async () => (await import('./deadband.ts')).deadband,
  downsample: async () => (await import('./downsample/downsample.ts')).downsample
}
