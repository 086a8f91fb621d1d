#!/usr/bin/env node
// Before all else is loaded, which takes a while: SIGHUP would end it, and nothing is read yet that it
// could mean to read again.
if (process.argv[2] === 'run') process.on('SIGHUP', () => undefined)
await import('../../dist/gateway/main.js')
