import { stringify } from 'yaml'
import { z } from 'zod'

/**
 * A configuration with every default written out, as YAML that can be loaded again. Secrets show as
 * `***`, since their codec gives nothing else away.
 */
export function effectiveYaml<T>(schema: z.ZodType<T>, config: T): string {
  return stringify(effectiveTree(schema, config))
}

/** The same as plain values, for `--json`. */
export function effectiveTree<T>(schema: z.ZodType<T>, config: T): unknown {
  return z.encode(schema, config)
}
