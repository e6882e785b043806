// The tools for files, called through runs, on a real disk.
import { execFileSync } from 'node:child_process'
import { chmodSync, linkSync, mkdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { BeamClawError, type JsonValue, type Tool } from '@beamclaw/core'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type CalledTool, callTool } from '../web/testing/call-tool.ts'
import type { FilesToolsOptions } from './files-options.ts'
import { filesTools } from './files-tools.ts'
import { TemporaryWorkspace } from './testing/temporary-workspace.ts'

function workspace(files: Readonly<Record<string, string | Uint8Array>> = {}): TemporaryWorkspace {
  const made = new TemporaryWorkspace(files)
  onTestFinished(() => made[Symbol.dispose]())
  return made
}

function toolOf(name: string, options: FilesToolsOptions): Tool {
  return filesTools(options).find(({ declaration }) => declaration.name === name) ?? expect.unreachable(name)
}

async function call(
  work: TemporaryWorkspace,
  name: string,
  input: JsonValue,
  options: Partial<FilesToolsOptions> = {},
): Promise<CalledTool> {
  return callTool(toolOf(name, { workspace: work.root, ...options }), input)
}

const succeed = async (...args: Parameters<typeof call>): Promise<string> => {
  const { isError, text } = await call(...args)
  expect(isError, text).toBe(false)
  return text
}

const fail = async (...args: Parameters<typeof call>): Promise<string> => {
  const { isError, text } = await call(...args)
  expect(isError, text).toBe(true)
  expect(text).not.toContain('the secret')
  return text
}

describe('read_file', () => {
  it('returns a short text as it is', async () => {
    const work = workspace({ 'a/b.txt': 'one\r\ntwo\n', 'empty.txt': '', 'marked.txt': '\ufefföne' })
    expect(await succeed(work, 'read_file', { path: 'a/b.txt' })).toBe('one\r\ntwo\n')
    expect(await succeed(work, 'read_file', { path: './a/../a/b.txt' })).toBe('one\r\ntwo\n')
    expect(await succeed(work, 'read_file', { path: join(work.root, 'a/b.txt') })).toBe('one\r\ntwo\n')
    expect(await succeed(work, 'read_file', { path: 'empty.txt' })).toBe('(the file is empty)')
    expect(await succeed(work, 'read_file', { path: 'marked.txt' })).toBe('öne')
  })

  it('returns a long text in parts, which together are the whole', async () => {
    const whole = Array.from({ length: 5000 }, (_value, index) => `line ${index + 1} ${'ü'.repeat(index % 90)}\n`).join('')
    const work = workspace({ 'long.txt': whole })
    for (const options of [{}, { maxFileBytes: 1000 }]) {
      let text = ''
      let calls = 0
      for (let offset: number | undefined = 1; offset !== undefined; calls++) {
        const part: string = await succeed(
          work,
          'read_file',
          { path: 'long.txt', offset, limit: 900 },
          { maxCharacters: 20_000, ...options },
        )
        const note = /^Lines (\d+) to (\d+) of (?:5000|more)\.(?: Go on with offset (\d+)\.| This is the end\.)\n/.exec(part)
        expect(note?.[1]).toBe(String(offset))
        text += part.slice(note?.[0].length)
        offset = note?.[3] === undefined ? undefined : Number(note[3])
      }
      expect(text).toBe(whole)
      expect(calls).toBeGreaterThan(5)
    }
  })

  it('cuts a line that is longer than a result, and goes on behind it', async () => {
    const work = workspace({ 'wide.txt': `${'x'.repeat(300_000)}\nnext\n` })
    const first = await succeed(work, 'read_file', { path: 'wide.txt' }, { maxCharacters: 100 })
    expect(first).toBe(`Lines 1 to 1 of 2. Line 1 is too long and cut. Go on with offset 2.\n${'x'.repeat(100)}`)
    expect(await succeed(work, 'read_file', { path: 'wide.txt', offset: 2 })).toBe('Lines 2 to 2 of 2. This is the end.\nnext\n')
  })

  it('shows a small image, and refuses a large one and binary in words', async () => {
    const png = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(92)])
    const work = workspace({ 'a.png': png, 'a.bin': Buffer.from([1, 0, 2]) })
    expect((await call(work, 'read_file', { path: 'a.png' })).content).toMatchObject([
      { type: 'image', mediaType: 'image/png', data: png.toString('base64') },
    ])
    expect(await fail(work, 'read_file', { path: 'a.png' }, { maxImageBytes: 99 })).toContain('of 100 bytes; at most 99')
    expect(await fail(work, 'read_file', { path: 'a.bin' })).toContain('binary (3 bytes)')
  })

  it('fails in words for what is not there', async () => {
    const work = workspace({ 'a.txt': 'one\ntwo' })
    expect(await fail(work, 'read_file', { path: 'b.txt' })).toContain('"b.txt": there is no such file')
    expect(await fail(work, 'read_file', { path: 'a.txt/b' })).toMatch(/not a folder|no such file/)
    expect(await fail(work, 'read_file', { path: 'a.txt', offset: 3 })).toContain('has 2 lines')
    expect(await fail(work, 'read_file', { path: '.' })).toContain('is refused')
  })
})

describe('outside', () => {
  const paths = [
    '../secret.txt',
    'link.txt',
    'folder-link/secret.txt',
    'hard.txt',
    'a/../../secret.txt',
    '/etc/passwd',
    'nul\0l',
    '~/x/../../secret.txt',
  ]

  const planted = (): TemporaryWorkspace => {
    const work = workspace({ 'a/b.txt': 'b' })
    symlinkSync('../secret.txt', join(work.root, 'link.txt'))
    symlinkSync('..', join(work.root, 'folder-link'))
    linkSync(work.secretPath, join(work.root, 'hard.txt'))
    return work
  }

  it.each(paths)('%s is neither read nor changed', async (path) => {
    const work = planted()
    await fail(work, 'read_file', { path })
    await fail(work, 'edit_file', { path, oldText: 'secret', newText: 'x' })
    if (!path.startsWith('~')) await fail(work, 'write_file', { path, content: 'x' })
    await fail(work, 'list_files', { path })
    expect(work.read('../secret.txt')).toBe('the secret')
  })

  it('is named as the model has named it', async () => {
    const work = planted()
    execFileSync('mkfifo', [join(work.root, 'a/fifo')])
    for (const path of ['hard.txt', './a/fifo']) {
      const calls = [
        ['read_file', { path }],
        ['edit_file', { path, oldText: 'secret', newText: 'x' }],
        ['write_file', { path, content: 'x' }],
      ] as const
      for (const [name, input] of calls) {
        const told = await fail(work, name, input)
        expect(told).toContain(`Path "${path}" is refused`)
        expect(told).not.toContain(work.root)
      }
    }
  })

  it.each([false, true])('is not searched (regex: %s), nor listed through a link', async (regex) => {
    const work = planted()
    expect(await succeed(work, 'search_files', { query: 'secret', regex })).toBe('Nothing was found.')
    expect(await succeed(work, 'list_files', { depth: 5 })).toBe('a/\na/b.txt\nfolder-link@\nhard.txt\nlink.txt@')
    await fail(work, 'search_files', { query: 'secret', path: '..' })
  })

  it('links inside the workspace are followed', async () => {
    const work = workspace({ 'real.txt': 'one' })
    symlinkSync('real.txt', join(work.root, 'link.txt'))
    expect(await succeed(work, 'read_file', { path: 'link.txt' })).toBe('one')
    await succeed(work, 'edit_file', { path: 'link.txt', oldText: 'one', newText: 'two' })
    expect(work.read('real.txt')).toBe('two')
  })
})

describe('write_file', () => {
  it('creates a file with its folders, and replaces one with a diff and its mode kept', async () => {
    const work = workspace()
    expect(await succeed(work, 'write_file', { path: 'new/folder/a.sh', content: 'one\ntwo\n' })).toBe('Created new/folder/a.sh (8 bytes).')
    chmodSync(join(work.root, 'new/folder/a.sh'), 0o750)
    expect(await succeed(work, 'write_file', { path: 'new/folder/a.sh', content: 'one\nthree\n' })).toBe(
      'Changed new/folder/a.sh:\n@@ -1,2 +1,2 @@\n one\n-two\n+three',
    )
    expect(work.read('new/folder/a.sh')).toBe('one\nthree\n')
    expect(statSync(join(work.root, 'new/folder/a.sh')).mode & 0o777).toBe(0o750)
    expect(await succeed(work, 'write_file', { path: 'new/folder/a.sh', content: 'one\nthree\n' })).toContain('has this content already')
  })

  it('refuses what is too large, and a folder', async () => {
    const work = workspace({ 'a/b.txt': 'b' })
    expect(await fail(work, 'write_file', { path: 'x', content: 'ü'.repeat(60) }, { maxFileBytes: 100 })).toContain(
      '120 bytes, more than 100',
    )
    expect(await fail(work, 'write_file', { path: 'x', content: 'y'.repeat(101) }, { maxFileBytes: 100 })).toContain(
      'The input is not valid',
    )
    expect(await fail(work, 'write_file', { path: 'a', content: 'x' })).toContain('folder')
    expect(work.read('a/b.txt')).toBe('b')
  })

  it('shortens a long diff', async () => {
    const work = workspace({ 'a.txt': 'x\n'.repeat(1000) })
    const text = await succeed(work, 'write_file', { path: 'a.txt', content: 'y\n'.repeat(1000) }, { maxCharacters: 200 })
    expect(text.length).toBeLessThan(300)
    expect(text).toMatch(/more characters of the difference$/)
  })
})

describe('a change of more lines than a person reads', () => {
  const lines = Array.from({ length: 130_000 }, (_value, index) => `${index % 97}\n`).join('')

  it('is made, and says how many', async () => {
    const work = workspace({ 'a.txt': lines })
    const edited = await succeed(work, 'edit_file', { path: 'a.txt', oldText: '0\n1\n', newText: 'x\n', replaceAll: true })
    expect(edited).toMatch(/^Changed a\.txt:\n\(the difference is too large to show: from line 1 on, \d+ lines become \d+\)$/)
    expect(await succeed(work, 'write_file', { path: 'a.txt', content: 'new\n' })).toContain('lines become 1)')
    expect(work.read('a.txt')).toBe('new\n')
  })

  it('is refused where the file would become too large, before it is made', async () => {
    const work = workspace({ 'a.txt': 'a'.repeat(1_000_000) })
    const input = { path: 'a.txt', oldText: 'a', newText: 'b'.repeat(100_000), replaceAll: true }
    expect(await fail(work, 'edit_file', input)).toContain('it would have 100000000000 characters, and may have 5242880 bytes')
  })
})

describe('edit_file', () => {
  const edit = async (
    before: string | Uint8Array,
    input: Readonly<Record<string, JsonValue>>,
  ): Promise<{ text: string; isError: boolean; after: string }> => {
    const work = workspace({ 'a.txt': before })
    return { ...(await call(work, 'edit_file', { path: 'a.txt', ...input })), after: work.read('a.txt') }
  }

  it('replaces the one place, and shows the difference', async () => {
    const { text, after } = await edit('one\ntwo\nthree\n', { oldText: 'two', newText: '2 $& $1' })
    expect(after).toBe('one\n2 $& $1\nthree\n')
    expect(text).toBe('Changed a.txt:\n@@ -1,3 +1,3 @@\n one\n-two\n+2 $& $1\n three')
  })

  it('fails with how often, and where, the text was found', async () => {
    const twice = await edit('x\na\nx\nax\n', { oldText: 'x', newText: 'y' })
    expect(twice).toMatchObject({ isError: true, after: 'x\na\nx\nax\n', text: expect.stringContaining('found 3 times (lines 1, 3, 4)') })
    const never = await edit('  indented line\n', { oldText: 'indented  line\nmore', newText: 'y' })
    expect(never).toMatchObject({ isError: true, text: expect.stringContaining('found 0 times. Line 1 is like its first line') })
    expect(await edit('a', { oldText: 'b', newText: 'c' })).toMatchObject({
      isError: true,
      text: expect.stringContaining('found 0 times. Read the file'),
    })
    expect(await edit('a', { oldText: 'a', newText: 'a' })).toMatchObject({ isError: true, text: expect.stringContaining('are the same') })
    expect(await edit('a', { oldText: '', newText: 'a' })).toMatchObject({ isError: true, text: expect.stringContaining('not valid') })
  })

  it('replaces all places when it is told to', async () => {
    expect(await edit('aXbXc', { oldText: 'X', newText: 'XX', replaceAll: true })).toMatchObject({ isError: false, after: 'aXXbXXc' })
  })

  it.each<readonly [title: string, before: string, oldText: string, newText: string, after: string]>([
    ['CRLF', 'one\r\ntwo\r\nthree\r\n', 'one\ntwo', '1\n2', '1\r\n2\r\nthree\r\n'],
    ['CRLF of the edit', 'one\r\ntwo\r\n', 'one\r\ntwo', '1\r\n2', '1\r\n2\r\n'],
    ['CRLF when a line becomes two', 'one\r\ntwo\r\n', 'one', '1\n1b', '1\r\n1b\r\ntwo\r\n'],
    ['LF', 'one\ntwo\n', 'one\ntwo', '1\n2', '1\n2\n'],
    ['mixed line ends', 'one\r\ntwo\nthree\r\n', 'two\nthree', '2\n3', 'one\r\n2\n3\r\n'],
    ['a byte order mark', '\ufeffone\r\n', 'one', '1', '\ufeff1\r\n'],
    ['no line end at the end', 'one\ntwo', 'two', '2', 'one\n2'],
  ])('keeps %s', async (_title, before, oldText, newText, after) => {
    expect(await edit(before, { oldText, newText })).toMatchObject({ isError: false, after })
  })

  it('refuses what it would damage', async () => {
    expect(await edit(Buffer.from('Z\xfcrich', 'latin1'), { oldText: 'Z', newText: 'z' })).toMatchObject({
      isError: true,
      text: expect.stringContaining('not UTF-8'),
    })
    expect(await edit(Buffer.from([65, 0, 66]), { oldText: 'A', newText: 'z' })).toMatchObject({
      isError: true,
      text: expect.stringContaining('binary'),
    })
    const work = workspace()
    expect(await fail(work, 'edit_file', { path: 'none.txt', oldText: 'a', newText: 'b' })).toContain('no such file. Create it')
  })

  it('loses no edit of several at the same time', async () => {
    const names = Array.from({ length: 20 }, (_value, index) => `<${index}>`)
    const work = workspace({ 'a.txt': names.join('\n') })
    const tool = toolOf('edit_file', { workspace: work.root })
    const context = { signal: new AbortController().signal, sessionKey: 'a', agentId: 'b', context: undefined } as never
    await Promise.all(names.map((name) => tool.execute({ path: 'a.txt', oldText: name, newText: `${name}!` } as never, context)))
    expect(work.read('a.txt')).toBe(names.map((name) => `${name}!`).join('\n'))
  })
})

describe('list_files', () => {
  it('lists one level, or more, and enters neither .git nor node_modules', async () => {
    const work = workspace({ 'b/c/d.txt': '', 'a.txt': '', 'node_modules/x/y.js': '', '.git/HEAD': '' })
    expect(await succeed(work, 'list_files', {})).toBe('.git/\na.txt\nb/\nnode_modules/')
    expect(await succeed(work, 'list_files', { depth: 3 })).toBe('.git/\na.txt\nb/\nb/c/\nb/c/d.txt\nnode_modules/')
    expect(await succeed(work, 'list_files', { path: 'b' })).toBe('c/')
    expect(await succeed(work, 'list_files', { path: 'node_modules' })).toBe('x/')
  })

  it('says that a folder is empty, is missing, or has too much', async () => {
    const work = workspace({ 'a.txt': '' })
    mkdirSync(join(work.root, 'empty'))
    expect(await succeed(work, 'list_files', { path: 'empty' })).toBe('(the folder is empty)')
    expect(await fail(work, 'list_files', { path: 'none' })).toContain('there is no such file or folder')
    expect(await fail(work, 'list_files', { path: 'a.txt' })).toMatch(/not a folder/)
    for (let index = 0; index < 1100; index++) work.write(`many/${index}`, '')
    const lines = (await succeed(work, 'list_files', { path: 'many' })).split('\n')
    expect(lines).toHaveLength(1001)
    expect(lines.at(-1)).toContain('and more')
  })

  it.skipIf(process.platform === 'win32')('shows a name with a line end on one line', async () => {
    const work = workspace({ 'a\nb': '' })
    expect(await succeed(work, 'list_files', {})).toBe('a\\nb')
  })
})

describe('the tools', () => {
  it('take the workspace of each call', async () => {
    const work = workspace({ 'main/a.txt': 'of main' })
    const calls: object[] = []
    const options: FilesToolsOptions = {
      workspace: async (one) => {
        calls.push(one)
        return join(work.root, one.agentId)
      },
    }
    expect((await callTool(toolOf('read_file', options), { path: 'a.txt' })).text).toBe('of main')
    expect(calls).toEqual([{ sessionKey: 'agent:main:main', agentId: 'main', context: undefined }])
  })

  it('say that the workspace is missing', async () => {
    const work = workspace()
    for (const [name, input] of [
      ['read_file', { path: 'a' }],
      ['write_file', { path: 'a', content: '' }],
      ['list_files', {}],
      ['search_files', { query: 'a' }],
    ] as const) {
      expect(await fail(work, name, input, { workspace: join(work.root, 'none') }), name).toContain('no such file or folder')
    }
  })

  it('are five, or three that change nothing', () => {
    const names = (options: FilesToolsOptions): readonly string[] => filesTools(options).map(({ declaration }) => declaration.name)
    expect(names({ workspace: '/w' })).toEqual(['read_file', 'list_files', 'search_files', 'write_file', 'edit_file'])
    expect(names({ workspace: '/w', readOnly: true })).toEqual(['read_file', 'list_files', 'search_files'])
  })

  const hostile: readonly JsonValue[] = [
    null,
    [],
    'a.txt',
    {},
    { path: 5 },
    { path: {} },
    { path: '' },
    { path: 'x'.repeat(5000) },
    { path: ['a'] },
  ]
  it.each(['read_file', 'write_file', 'edit_file'])('%s refuses wrong input in words', async (name) => {
    const work = workspace({ 'a.txt': 'a' })
    for (const input of hostile) {
      const text = await fail(work, name, input)
      expect(text).toContain('The input is not valid')
      expect(text.length).toBeLessThan(1000)
    }
    for (const path of ['x'.repeat(300), 'a\0b']) {
      const text = await fail(work, name, { path, content: '', oldText: 'a', newText: 'b' })
      expect(text).toContain('is refused')
    }
  })

  it.each(['read_file', 'list_files', 'search_files', 'write_file', 'edit_file'])(
    '%s ends with its signal, and changes nothing',
    async (name) => {
      const work = workspace({ 'a.txt': 'a' })
      const reason = new Error('enough')
      const context = { signal: AbortSignal.abort(reason), sessionKey: 'a', agentId: 'b', context: undefined } as never
      const path = name.endsWith('files') ? '.' : 'a.txt'
      const input = { path, content: 'x', oldText: 'a', newText: 'x', query: 'a' } as never
      await expect((async () => toolOf(name, { workspace: work.root }).execute(input, context))()).rejects.toBe(reason)
      expect(work.read('a.txt')).toBe('a')
    },
  )

  it.each<readonly [options: unknown, option: string]>([
    [{}, 'workspace'],
    [{ workspace: '' }, 'workspace'],
    [{ workspace: 5 }, 'workspace'],
    [{ workspace: '/w', readOnly: 'yes' }, 'readOnly'],
    [{ workspace: '/w', maxFileBytes: 0 }, 'maxFileBytes'],
    [{ workspace: '/w', root: '/' }, 'root'],
  ])('refuse the options %j', (options, option) => {
    const making = (): unknown => filesTools(options as FilesToolsOptions)
    expect(making).toThrow(BeamClawError)
    expect(making).toThrow(`option "${option}"`)
  })
})
