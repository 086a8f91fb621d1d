#!/usr/bin/env -S node --max-lazy --optimize-for-size --max-semi-space-size=1 --single-threaded-gc --no-sparkplug
import '../../dist/agent/main.js'
