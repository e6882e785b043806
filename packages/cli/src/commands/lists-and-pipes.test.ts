// Pages of a list of sessions, and commands whose output is read in part, as by `head` or a pager.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { over } from '../testing/data-directory.ts'
import { type GatewayProcess, startGateway } from '../testing/gateway-process.ts'
import { type CliOutcome, CliProcess, jsonLines, runCli } from '../testing/run-cli.ts'

let folder: string
let gateway: GatewayProcess

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'beamclaw-lists-'))
  const { claw, store } = await over(join(folder, 'data'))
  for (const [index, name] of ['c', 'a', 'b'].entries()) {
    const session = claw.session(`agent:main:${name}`)
    await session.configure({ owner: index < 2 ? 'ada' : 'bob', ...(name === 'a' ? { label: 'mine' } : {}) })
    await session.send('hello').result()
  }
  await claw.session('agent:main:c').send('again').result()
  await claw.stop()
  await store.stop()
  gateway = await startGateway(['--data-dir', join(folder, 'data')])
})

afterAll(async () => {
  gateway.child.kill('SIGKILL')
  await gateway.exited
  rmSync(folder, { recursive: true, force: true })
})

const environment = () => ({ BEAMCLAW_URL: gateway.url })
const run = (...args: readonly string[]): Promise<CliOutcome> => runCli(args, { cwd: folder, environment: environment() })

describe('sessions', () => {
  const keys = async (...args: readonly string[]): Promise<string> =>
    [...(await run('sessions', ...args)).output.matchAll(/^agent:main:(\w)/gm)].map(([, name]) => name).join('')

  test('are listed in the order and of the kind that is asked for', async () => {
    expect(await keys()).toBe('abc')
    expect(await keys('--sort', 'activity')).toBe('cba')
    expect(await keys('--sort', 'created')).toBe('bac')
    expect(await keys('--owner', 'ada')).toBe('ac')
    expect(await keys('--label', 'mine')).toBe('a')
    expect(await keys('--prefix', 'agent:main:b')).toBe('b')
    expect(await keys('--agent', 'main', '--owner', 'ada', '--sort', 'activity')).toBe('ca')
    expect((await run('sessions', '--owner', 'nobody')).output).toBe('No sessions match these flags\n')
  })

  test('have the commands that every group has', async () => {
    expect(await run('sessions', 'list', '--owner', 'ada')).toEqual(await run('sessions', '--owner', 'ada'))
    const shown = await run('sessions', 'show', 'c', '--limit', '1')
    expect(shown).toMatchObject({ code: 0, output: expect.stringMatching(/\S/) })
    expect(shown).toEqual(await run('history', 'c', '--limit', '1'))
    expect(await run('sessions', 'lst')).toMatchObject({ code: 2, errors: expect.stringContaining('Did you mean list?') })
  })

  test('go on where the last page says', async () => {
    let [found, after]: [string, string | undefined] = ['', undefined]
    for (let pages = 0; pages < 4; pages++) {
      const { output } = await run('sessions', '--sort', 'activity', '--limit', '1', ...(after === undefined ? [] : ['--after', after]))
      found += /^agent:main:(\w)/m.exec(output)?.[1] ?? ''
      after = /^There are more; the next page with --after '(.*)'$/m.exec(output)?.[1]
      if (after === undefined) break
    }
    expect(found).toBe('cba')
    expect(jsonLines(await run('sessions', '--limit', '2', '--json'))).toMatchObject([
      { nextCursor: 'agent:main:b', sessions: [{ key: 'agent:main:a', owner: 'ada', label: 'mine' }, {}] },
    ])
  })

  test.each([
    [['--sort', 'size'], 2, 'Allowed choices are key, activity, created'],
    [['--owner', ''], 2, '--owner: expected a text, is empty'],
    [['--after', 'nowhere', '--sort', 'activity'], 1, '"after" must be the cursor'],
    [['--prefix', 'b'], 1, 'the beginning of a whole key'],
  ])('%j is refused with what was expected', async (args, code, text) => {
    const outcome = await run('sessions', ...args)
    expect(outcome).toMatchObject({ code, output: '' })
    expect(outcome.errors).toContain(text)
  })
})

describe('a reader that goes away', () => {
  /** Runs a command whose standard output is a pipe that is closed before the command writes. */
  async function unread(...args: readonly string[]): Promise<CliOutcome> {
    const command = new CliProcess(args, { cwd: folder, environment: environment() })
    command.child.stdout?.destroy()
    return await command.outcome
  }

  test.each([
    [['send', '2+3']],
    [['send', '--json', '2+3']],
    [['sessions']],
    [['history', 'a']],
    [['journal', 'a', '--data-dir', 'data']],
    [['models']],
    [['status', '--json']],
    [['--help']],
  ])('ends %j in silence', async (args) => {
    expect(await unread(...args)).toEqual({ code: 0, output: '', errors: '' })
  })

  test('does not end what changes something: the backup is there', async () => {
    expect(await unread('backup', 'saved', '--data-dir', 'data')).toEqual({ code: 0, output: '', errors: '' })
    expect(readFileSync(join(folder, 'saved/default/sessions/main/a.log.jsonl'), 'utf8')).toContain('hello')
  })

  test.skipIf(process.platform !== 'linux')('is told from a disk that is full', async () => {
    const bin = new URL('../bin.ts', import.meta.url).pathname
    const child = spawn(process.execPath, ['--conditions=beamclaw:source', bin, 'journal', 'a', '--data-dir', 'data'], {
      cwd: folder,
      stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
    })
    let errors = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors += text
    })
    expect((await once(child, 'close'))[0]).toBe(1)
    expect(errors).toMatch(/^beamclaw: the output cannot be written: ENOSPC[^\n]* \(output-failed\)\n$/)
  })
})
