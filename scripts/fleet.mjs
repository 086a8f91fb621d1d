#!/usr/bin/env node
// Builds, then simulates a fleet of vehicles: `node scripts/fleet.mjs --help`.
import { bootstrap } from './bootstrap.mjs'
import { build } from './build.mjs'

bootstrap()
build()
await import('../dist/scripts/fleet/fleet.js')
