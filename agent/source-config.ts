import { z } from 'zod'
import { attempt, name } from '../shared/config/fields.ts'
import { configJsonSchema } from '../shared/config/json-schema.ts'
import { nearest } from '../shared/config/nearest.ts'
import { validate } from '../shared/config/validate.ts'
import type { Kinds } from './kinds.ts'
import { sourceLoaders } from './sources/index.ts'
import type { SourceType } from './sources/source.ts'
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
  readonly transforms: z.output<ReturnType<typeof transformsField>>
}

/**
 * For the JSON Schema of the whole, to which the schema of every source refers. Made when it is
 * asked for: an agent that runs does not need it.
 */
export function definitionsOf({ transforms }: Kinds) {
  return {
    get transforms() {
      return configJsonSchema(transformsOption(transforms), 'list of transforms')
    }
  }
}

function transformsOption(types: Kinds['transforms']) {
  return transformsField(types)
    .prefault([])
    .describe('What is done to its records before they are stored, in this order.')
    .meta({ title: 'list of transforms' })
}

/** What every source may have besides the options of its type and transforms. */
const commonOptions = {
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
    .describe('high: every chunk is committed at once instead of after the commit age.')
}

/** The schema of one source of `type` as it is written in the file. */
export function sourceSchema(type: SourceType, transforms: Kinds['transforms']): z.ZodObject {
  const common = { ...commonOptions, transforms: transformsOption(transforms) }
  return type.options.extend(common).strict()
}

/**
 * A source is told from its options by the one key that names its type:
 * `app: { tail: /var/log/app.log, from: start }`.
 */
export function sourceField({ sources, transforms }: Kinds) {
  const schemas = new Map(
    [...sources].map(([key, type]) => [key, sourceSchema(type, transforms)] as const)
  )
  return z
    .codec(z.looseObject({}), z.custom<SourceConfig>(), {
      decode: (value, context) => {
        const kinds = [...schemas.keys()].filter((key) => Object.hasOwn(value, key))
        const kind = kinds[0] ?? ''
        const schema = schemas.get(kind)
        if (!schema || kinds.length > 1) {
          context.issues.push({ code: 'custom', message: wrongKind(value), input: value })
          return z.NEVER
        }
        const result = validate(schema, value)
        if (result.ok) {
          const source = split(kind, result.value)
          return attempt(context, value, () => {
            sources.get(kind)?.check?.(source.options)
            return source
          })
        }
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
        return [...schemas.values()].map(sourceJsonSchema)
      }
    })
}

function sourceJsonSchema(schema: z.ZodObject): object {
  const { properties, ...rest } = z.toJSONSchema(schema, { io: 'input', target: 'draft-07' })
  return {
    ...rest,
    properties: { ...properties, transforms: { $ref: '#/definitions/transforms' } }
  }
}

/** `value` is what the schema of a source gave. */
function split(kind: string, value: Record<string, unknown>): SourceConfig {
  const { stream, partitionKey, priority, transforms, ...options } = value as Omit<
    SourceConfig,
    'kind' | 'options'
  >
  return { kind, options, stream, partitionKey, priority, transforms }
}

function wrongKind(value: object): string {
  const keys = Object.keys(sourceLoaders)
  const rule = `a source must have exactly one of the keys ${keys.join(', ')}, which says what it reads`
  const near = Object.keys(value)
    .filter((key) => !keys.includes(key))
    .map((key) => ({ key, meant: nearest(key, keys) }))
    .find(({ meant }) => meant !== undefined)
  return near ? `${rule}; did you mean "${near.meant}" by "${near.key}"?` : rule
}
