import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isOutOfReach, isSystemPath, type Ownership } from './system-programs.ts'

const root: Ownership = { uid: 0, mode: 0o755, isWritable: false }

describe('a path of the system', () => {
  test.each(['/usr/bin/ls', '/bin/ls', '/usr/lib/git-core/git', '/usr/local/bin/rg'])('%s', (path) => expect(isSystemPath(path)).toBe(true))

  test.each([
    ...['/home/a/bin/ls', '/root/bin/ls', '/opt/a/ls', '/tmp/ls', '/usr/binary/ls', 'usr/bin/ls', 'ls', ''],
    ...['/usr/bin/../../tmp/ls', '/usr/bin/./ls', '/usr/bin//ls', '/usr/bin'],
  ])('is not %s', (path) => expect(isSystemPath(path)).toBe(false))
})

describe('a program out of reach', () => {
  test('is owned by root, with every folder above it', () => {
    expect(isOutOfReach('/usr/bin/ls', () => root)).toBe(true)
    for (const place of ['/usr/bin/ls', '/usr/bin', '/usr', '/'])
      for (const wrong of [{ uid: 1000 }, { mode: 0o777 }, { isWritable: true }])
        expect(isOutOfReach('/usr/bin/ls', (path) => (path === place ? { ...root, ...wrong } : root))).toBe(false)
  })

  test('is one of a container by its folder alone', () => {
    expect(isOutOfReach('/usr/bin/ls', () => undefined)).toBe(true)
  })

  test('is the shell of this machine, and nothing below a folder for all', () => {
    expect(isOutOfReach('/bin/sh')).toBe(true)
    const folder = mkdtempSync(join(tmpdir(), 'reach-'))
    expect(isOutOfReach(folder)).toBe(false)
    rmSync(folder, { recursive: true })
  })
})
