import { z } from 'zod'

const fileReference: z.core.JSONSchema.BaseSchema = {
  type: 'object',
  properties: { file: { type: 'string' } },
  required: ['file'],
  additionalProperties: false
}

/** Titles of texts that mostly stand in a file of their own. */
const fileTitles: readonly unknown[] = ['PEM', 'table', 'key']

/** The JSON Schema of a configuration file, for editors: what may be written, with defaults. */
export function configJsonSchema(schema: z.ZodType, title: string): object {
  const written = z.toJSONSchema(schema, {
    io: 'input',
    target: 'draft-07',
    override: ({ jsonSchema }) => {
      // The loader has put the text of the file in its place before the schema sees it.
      if (!fileTitles.includes(jsonSchema.title)) return
      delete jsonSchema.type
      jsonSchema.anyOf = [{ type: 'string' }, fileReference]
    }
  })
  return { ...written, title }
}
