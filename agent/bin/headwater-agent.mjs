#!/usr/bin/env -S node --max-lazy --optimize-for-size --max-semi-space-size=1 --single-threaded-gc --no-sparkplug
// Before all else is loaded, which takes a while: SIGHUP would end it, and nothing is read yet that it
// could mean to read again.
if (process.argv[2] === 'run') process.on('SIGHUP', () => undefined)
await import('../../dist/agent/main.js')
