#!/usr/bin/env node
// Builds, then measures: `npm run bench [part ...]`, all parts when none is named.
import { bootstrap } from './bootstrap.mjs'
import { build } from './build.mjs'

bootstrap()
build()
const { bench } = await import('../dist/scripts/bench/bench.js')
process.exitCode = await bench(process.argv.slice(2))
