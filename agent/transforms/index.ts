import { deadband } from './deadband.ts'
import { dedupe } from './dedupe.ts'
import { downsample } from './downsample/downsample.ts'
import { enrich } from './enrich/enrich.ts'
import { filter } from './filter.ts'
import { key } from './key.ts'
import { parse } from './parse/parse.ts'
import { redact } from './redact/redact.ts'
import { rename } from './rename.ts'
import { sample } from './sample.ts'
import type { TransformType } from './transform.ts'

/** Every kind of transform. A new one is added here. */
export const transformTypes: readonly TransformType[] = [
  parse,
  filter,
  sample,
  dedupe,
  redact,
  rename,
  enrich,
  key,
  deadband,
  downsample
]
