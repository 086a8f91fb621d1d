#!/usr/bin/env -S node --max-lazy --optimize-for-size --max-semi-space-size=1 --single-threaded-gc --interrupt-budget=1000000
import '../../dist/agent/main.js'
