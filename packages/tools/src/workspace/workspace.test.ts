import { chmodSync, readdirSync, readFileSync } from 'node:fs'
import { readdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { BeamClawError } from '@beamclaw/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { listInside, readInside, removeInside, statInside, writeInside } from './files-inside.ts'
import { namesBelow } from './lexical-path.ts'
import { systemCode } from './path-refused.ts'
import { resolveInside } from './resolve-inside.ts'
import { type PathCase, pathCases, Scratch, secret } from './testing/make-paths.ts'

let scratch: Scratch
beforeEach(() => {
  scratch = new Scratch()
})
afterEach(() => scratch.remove())

/** Returns what a call came to: its value, `refused`, or the code of a system error. */
async function outcome(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call
  } catch (error) {
    if (BeamClawError.isInstance(error, 'path-outside-workspace')) return 'refused'
    return systemCode(error) ?? error
  }
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()
const isRoot = process.getuid?.() === 0
const runs = ({ make, only }: PathCase): boolean =>
  (only === undefined || only === process.platform) && (isRoot || make.every(([kind]) => kind !== 'device'))

describe('the corpus of paths', () => {
  it('has at least sixty cases', () => expect(pathCases.length).toBeGreaterThanOrEqual(60))

  it.skipIf(process.platform === 'win32').each(pathCases.filter(runs))('$name', async (testCase) => {
    await scratch.make(testCase.make)
    const path = scratch.fill(testCase.path)
    const resolved = testCase.resolve.startsWith('root') ? join(scratch.base, scratch.fill(testCase.resolve)) : testCase.resolve
    expect(await outcome(resolveInside(scratch.root, path))).toBe(resolved)
    expect(await outcome(readInside(scratch.root, path, 1_000).then(text))).toBe(testCase.read)
    expect(await outcome(writeInside(scratch.root, path, 'new').then(() => 'ok'))).toBe(testCase.write)
    if (testCase.write === 'ok') expect(await outcome(readInside(scratch.root, path, 1_000).then(text))).toBe('new')
    expect(scratch.secrets()).toEqual([secret, secret])
    expect(readdirSync(join(scratch.base, 'outside')).filter((name) => name !== 'back')).toEqual(['secret.txt'])
  })

  it('takes no value but a text', async () => {
    for (const wrong of [undefined, null, 7, {}, ['a']]) {
      expect(await outcome(resolveInside(scratch.root, wrong as unknown as string))).toBe('refused')
    }
  })
})

describe('paths of Windows, by their words', () => {
  const refused = [
    '..\\x',
    'a\\..\\..\\x',
    'C:\\x',
    'D:x',
    '\\\\host\\share',
    '\\x',
    '/x',
    'a.',
    'a ',
    'a.\\b',
    'a:stream',
    'con',
    'NUL.txt',
    'com1',
    'd\\LPT9.log',
    'a\0',
  ]
  it.each(refused)('%j is refused', (path) => expect(() => namesBelow('C:\\root', path, 'win32')).toThrow('is refused'))
  it.each(['a.txt', 'a\\b', 'a/b', 'C:\\root\\a', 'c:\\ROOT\\a', 'console', '..a'])('%j is not', (path) =>
    expect(namesBelow('C:\\root', path, 'win32').length).toBeGreaterThan(0),
  )
})

describe('files of the workspace', () => {
  it('are reached when the root itself is a link, by both of its names', async () => {
    await scratch.make([['file', 'root/a', 'in']])
    const link = join(scratch.base, 'link')
    await symlink('root', link)
    for (const path of ['a', join(link, 'a'), join(scratch.root, 'a'), await resolveInside(link, 'a')]) {
      expect(text(await readInside(link, path, 10))).toBe('in')
    }
  })

  it('are written as a whole, with the mode they had, and nothing is left beside them', async () => {
    await scratch.make([['file', 'root/run.sh', 'old']])
    chmodSync(join(scratch.root, 'run.sh'), 0o751)
    await writeInside(scratch.root, 'run.sh', 'new')
    expect((await statInside(scratch.root, 'run.sh'))?.mode.toString(8)).toBe('100751')
    expect(readdirSync(scratch.root)).toEqual(['run.sh'])
  })

  it('are not read beyond the limit', async () => {
    await scratch.make([['file', 'root/a', '12345']])
    expect(text(await readInside(scratch.root, 'a', 5))).toBe('12345')
    await expect(readInside(scratch.root, 'a', 4)).rejects.toMatchObject({ code: 'document-too-large' })
  })

  it('are listed with what they are, and links are not followed', async () => {
    await scratch.make([
      ['file', 'root/d/b', ''],
      ['dir', 'root/d/a'],
      ['link', 'root/d/c', '../../outside'],
      ['fifo', 'root/d/e'],
    ])
    expect(await listInside(scratch.root, 'd')).toEqual([
      { name: 'a', type: 'folder' },
      { name: 'b', type: 'file' },
      { name: 'c', type: 'link' },
      { name: 'e', type: 'other' },
    ])
    expect(await outcome(listInside(scratch.root, 'd/c'))).toBe('refused')
    expect(await outcome(listInside(scratch.root, '..'))).toBe('refused')
    expect(await outcome(listInside(scratch.root, 'none'))).toBe('ENOENT')
  })

  it('are removed, links as such and folders only when it is asked for', async () => {
    await scratch.make([
      ['file', 'root/d/b', ''],
      ['link', 'root/d/out', '../../outside'],
      ['link', 'root/d/secret', '../../outside/secret.txt'],
    ])
    expect(await outcome(removeInside(scratch.root, 'd'))).toBe('ENOTEMPTY')
    await removeInside(scratch.root, 'd/secret')
    await removeInside(scratch.root, 'd', true)
    expect(await outcome(removeInside(scratch.root, '.', true))).toBe('refused')
    expect(await outcome(removeInside(scratch.root, '../outside', true))).toBe('refused')
    expect(readdirSync(scratch.root)).toEqual([])
    expect(scratch.secrets()).toEqual([secret, secret])
  })

  it('say what is there and what is not', async () => {
    await scratch.make([['file', 'root/a', '']])
    expect((await statInside(scratch.root, 'a'))?.isFile()).toBe(true)
    expect(await statInside(scratch.root, 'none/a')).toBeUndefined()
    expect(await statInside(scratch.root, 'a/b')).toBeUndefined()
    expect(await outcome(statInside(scratch.root, '../outside'))).toBe('refused')
  })

  it.skipIf(process.platform !== 'linux')('leave no descriptor open, whatever comes of a call', async () => {
    await scratch.make([
      ['file', 'root/a', ''],
      ['link', 'root/l', '../outside'],
    ])
    const open = async (): Promise<number> => (await readdir('/proc/self/fd')).length
    const before = await open()
    for (const path of ['a', 'l', 'l/x', 'none', '..', 'a/b']) {
      await outcome(readInside(scratch.root, path, 10))
      await outcome(writeInside(scratch.root, path, ''))
      await outcome(listInside(scratch.root, path))
      await outcome(removeInside(scratch.root, path))
    }
    expect(await open()).toBe(before)
    expect(readFileSync(join(scratch.base, 'outside/secret.txt'), 'utf8')).toBe(secret)
  })
})
