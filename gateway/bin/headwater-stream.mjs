#!/usr/bin/env node
import '../../dist/gateway/stream-main.js'
