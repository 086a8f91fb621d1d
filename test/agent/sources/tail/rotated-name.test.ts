import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRotationOf } from '../../../../agent/sources/tail/rotated-name.ts'

test('the names that rotation gives are told from the names of other files', () => {
  const rotated: [string, string[]][] = [
    [
      'app.log',
      [
        'app.log.1',
        'app.log.10',
        'app.log-20250101',
        'app.log.2025-01-01T10',
        'app-20250101.log',
        'app.1.log',
        'app1.log',
        'app.log.old',
        'app.log.bak'
      ]
    ],
    ['syslog', ['syslog.1', 'syslog-20250101', 'syslog.old']]
  ]
  for (const [home, names] of rotated) {
    for (const name of names) assert.ok(isRotationOf(`/var/log/${name}`, `/var/log/${home}`), name)
  }
  const others = [
    'app.log',
    'app.1',
    'app.logs',
    'app.log.lock',
    'application.log',
    'app.log.1.swp',
    'app-error.log',
    'app.txt.1'
  ]
  for (const name of others) assert.ok(!isRotationOf(`/var/log/${name}`, '/var/log/app.log'), name)
  assert.ok(isRotationOf('/var/log/old/app.log.1', '/var/log/app.log'))
  for (const path of ['/var/app.log.1', '/var/log2/app.log.1']) {
    assert.ok(!isRotationOf(path, '/var/log/app.log'), path)
  }
})
