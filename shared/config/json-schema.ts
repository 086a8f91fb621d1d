import { z } from 'zod'

/** The JSON Schema of a configuration file, for editors: what may be written, with defaults. */
export function configJsonSchema(schema: z.ZodType, title: string): object {
  return { ...z.toJSONSchema(schema, { io: 'input', target: 'draft-07' }), title }
}
