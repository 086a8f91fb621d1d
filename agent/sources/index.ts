import { http } from './http/http.ts'
import { metrics } from './metrics/metrics.ts'
import type { SourceType } from './source.ts'
import { stdin } from './stdin/stdin.ts'
import { tail } from './tail/tail.ts'

/** Every kind of source. A new one is added here. */
export const sourceTypes: readonly SourceType[] = [tail, stdin, http, metrics]
