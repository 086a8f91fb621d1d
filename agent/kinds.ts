import { sourceLoaders } from './sources/index.ts'
import type { SourceType } from './sources/source.ts'
import { transformLoaders } from './transforms/index.ts'
import type { TransformType } from './transforms/transform.ts'

/** Kinds of sources and transforms that are loaded, by the keys that name them. */
export interface Kinds {
  readonly sources: ReadonlyMap<string, SourceType>
  readonly transforms: ReadonlyMap<string, TransformType>
}

/** Every kind there is. */
export function allKinds(): Promise<Kinds> {
  return loadKinds(Object.keys(sourceLoaders), Object.keys(transformLoaders))
}

/** The kinds that a configuration names, as it is written: a small machine loads no others. */
export function kindsIn(tree: Readonly<Record<string, unknown>>): Promise<Kinds> {
  const sources = valuesOf(tree['sources'])
  const transforms = sources.flatMap((source) => valuesOf(propertyOf(source, 'transforms')))
  return loadKinds(sources.flatMap(keysOf), transforms.flatMap(keysOf))
}

async function loadKinds(
  sources: readonly string[],
  transforms: readonly string[]
): Promise<Kinds> {
  return {
    sources: await load(sourceLoaders, sources),
    transforms: await load(transformLoaders, transforms)
  }
}

async function load<T>(
  loaders: Readonly<Record<string, () => Promise<T>>>,
  named: readonly string[]
): Promise<ReadonlyMap<string, T>> {
  const wanted = Object.entries(loaders).filter(([key]) => named.includes(key))
  return new Map(
    await Promise.all(wanted.map(async ([key, loader]) => [key, await loader()] as const))
  )
}

function valuesOf(value: unknown): unknown[] {
  return typeof value === 'object' && value !== null ? Object.values(value) : []
}

function keysOf(value: unknown): string[] {
  return typeof value === 'object' && value !== null ? Object.keys(value) : []
}

function propertyOf(value: unknown, key: string): unknown {
  return Object.entries(Object(value)).find(([name]) => name === key)?.[1]
}
