import { z } from 'zod'
import { name } from '../shared/config/fields.ts'
import { configJsonSchema } from '../shared/config/json-schema.ts'
import { nearest } from '../shared/config/nearest.ts'
import { validate } from '../shared/config/validate.ts'
import type { SourceType } from './sources/source.ts'
import { transformTypes } from './transforms/index.ts'
import { transformsField } from './transforms/transforms-field.ts'

/** One entry of `sources:`. */
export interface SourceConfig {
  /** `key` of its source type. */
  readonly kind: string
  /** As its source type understands them. */
  readonly options: unknown
  readonly stream?: string | undefined
  readonly partitionKey?: string | undefined
  readonly priority: 'normal' | 'high'
  readonly transforms: z.output<typeof commonOptions>['transforms']
}

const transformsOption = transformsField(transformTypes)
  .prefault([])
  .describe('What is done to its records before they are stored, in this order.')
  .meta({ title: 'list of transforms' })

/**
 * For the JSON Schema of the whole, to which the schema of every source refers. Made when it is
 * asked for: an agent that runs does not need it.
 */
export const definitions = {
  get transforms() {
    return configJsonSchema(transformsOption, 'list of transforms')
  }
}

/** What every source may have besides the options of its type. */
const commonOptions = z.strictObject({
  stream: name().optional().describe('Stream its records go to; else the stream of the agent.'),
  partitionKey: z
    .string()
    .min(1)
    .max(256)
    .optional()
    .describe('Partition key of its records; else the device.'),
  priority: z
    .enum(['normal', 'high'])
    .prefault('normal')
    .describe('high: every chunk is committed at once instead of after the commit age.'),
  transforms: transformsOption
})

/** The schema of one source of `type` as it is written in the file. */
export function sourceSchema(type: SourceType): z.ZodObject {
  return type.options.extend(commonOptions.shape).strict()
}

/**
 * A source is told from its options by the one key that names its type:
 * `app: { tail: /var/log/app.log, from: start }`.
 */
export function sourceField(types: readonly SourceType[]) {
  const schemas = new Map(types.map((type) => [type.key, sourceSchema(type)]))
  return z
    .codec(z.looseObject({}), z.custom<SourceConfig>(), {
      decode: (value, context) => {
        const kinds = types.filter(({ key }) => Object.hasOwn(value, key))
        const kind = kinds[0]?.key ?? ''
        const schema = schemas.get(kind)
        if (!schema || kinds.length > 1) {
          context.issues.push({ code: 'custom', message: wrongKind(value, types), input: value })
          return z.NEVER
        }
        const result = validate(schema, value)
        if (result.ok) return split(kind, result.value)
        for (const { path, message, at } of result.problems) {
          const params = { at }
          context.issues.push({ code: 'custom', message, path: [...path], input: value, params })
        }
        return z.NEVER
      },
      encode: (source) => {
        const schema = schemas.get(source.kind)
        const { kind: _kind, options, ...common } = source
        return z.encode(schema ?? z.looseObject({}), { ...(options as object), ...common })
      }
    })
    .meta({
      get anyOf() {
        return types.map(sourceJsonSchema)
      }
    })
}

function sourceJsonSchema(type: SourceType): object {
  const schema = sourceSchema(type)
  const { properties, ...rest } = z.toJSONSchema(schema, { io: 'input', target: 'draft-07' })
  return {
    ...rest,
    properties: { ...properties, transforms: { $ref: '#/definitions/transforms' } }
  }
}

/** `value` is what the schema of a source gave. */
function split(kind: string, value: Record<string, unknown>): SourceConfig {
  const isCommon = ([key]: [string, unknown]) => Object.hasOwn(commonOptions.shape, key)
  const entries = Object.entries(value)
  const common = Object.fromEntries(entries.filter(isCommon)) as z.output<typeof commonOptions>
  const options = Object.fromEntries(entries.filter((entry) => !isCommon(entry)))
  return { kind, options, ...common }
}

function wrongKind(value: object, types: readonly SourceType[]): string {
  const keys = types.map((type) => type.key)
  const rule = `a source must have exactly one of the keys ${keys.join(', ')}, which says what it reads`
  const near = Object.keys(value)
    .filter((key) => !keys.includes(key))
    .map((key) => ({ key, meant: nearest(key, keys) }))
    .find(({ meant }) => meant !== undefined)
  return near ? `${rule}; did you mean "${near.meant}" by "${near.key}"?` : rule
}
