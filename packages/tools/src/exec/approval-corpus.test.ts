/** Calls that a grant must not cover, and calls that it must: data, so that a new bypass is a new line. */
import type { CommandRequest, Permit, PreparedCommand } from '@beamclaw/core'
import { ScriptedSandbox } from '@beamclaw/core/testing'
import { describe, expect, test } from 'vitest'
import corpus from './approval-corpus.json' with { type: 'json' }
import { type Argv, commandRules } from './command-rules.ts'
import { type CommandText, type PermitRules, permitsOf } from './permits.ts'
import { textRules } from './shell-words.ts'

/** `*` stands for any further arguments. */
interface Grant {
  readonly program: string
  readonly args: readonly string[]
}

interface Case {
  readonly text?: string
  readonly argv?: readonly string[]
  readonly grants: readonly Grant[]
  readonly why?: string
}

const place = { workspace: '/work' }

/** Programs whose real file has another name, or none that can be read. */
const links: Readonly<Record<string, string>> = {
  rows: '/usr/bin/mawk',
  page: '/usr/bin/vim.basic',
  gs: '/usr/bin/git',
  pager: '/usr/bin/moar',
  mine: '/work/mine.sh',
  './linked/ls': '/usr/bin/ls',
  '/work/linked/ls': '/usr/bin/ls',
  users: '/home/a/bin/users',
  unxz: '/usr/bin/xz',
  lsof2: '/usr/bin/ls',
}

/** A sandbox in which nearly every name is a program. */
class ManyPrograms extends ScriptedSandbox {
  override async prepare(request: CommandRequest): Promise<PreparedCommand> {
    const [name] = request.argv
    if (name === 'nowhere') throw new Error('not found')
    const { executable: _, ...prepared } = await super.prepare(request)
    if (name === 'unreadable') return prepared
    const path = links[name] ?? (name.startsWith('/') ? name : name.includes('/') ? `/opt/${name.replace(/^\W+/, '')}` : `/usr/bin/${name}`)
    return { ...prepared, executable: { path, sha256: '0'.repeat(64) } }
  }
}

const sandbox = new ManyPrograms()

function isCovered(permits: readonly Permit[] | undefined, grants: readonly Grant[]): boolean {
  return permits?.every((permit) => grants.some((grant) => covers(grant, permit))) ?? false
}

/** The widest grant of the same name: any path that ends with it. */
function covers({ program, args }: Grant, permit: Permit): boolean {
  const [, id, path = ''] = permit.subject.split(':')
  const hasArgs = args.every((arg, index) => arg === '*' || arg === permit.args[index])
  return id === sandbox.id && (path.endsWith(`/${program}`) || path === links[program]) && hasArgs
}

const commandOf = ({ text, argv }: Case): CommandText => (text === undefined ? { argv: argv as unknown as Argv } : { shell: text })

async function leaks(rules?: PermitRules): Promise<readonly Case[]> {
  const found: Case[] = []
  for (const one of corpus.refused as readonly Case[])
    if (isCovered(await permitsOf(commandOf(one), sandbox, place, rules), one.grants)) found.push(one)
  return found
}

describe('the corpus of approvals', () => {
  test('is large enough, and has no case twice', () => {
    expect(corpus.refused.length).toBeGreaterThanOrEqual(150)
    expect(corpus.covered.length).toBeGreaterThanOrEqual(40)
    const all = [...corpus.refused, ...corpus.covered].map((one) => JSON.stringify('text' in one ? one.text : one.argv))
    expect(all.filter((one, index) => all.indexOf(one) !== index)).toEqual([])
  })

  test('no grant covers what it must not', async () => {
    expect((await leaks()).map(({ text, argv, why }) => [text ?? argv, why])).toEqual([])
  })

  test.each(corpus.covered as readonly Case[])('a grant covers %j', async (one) => {
    const permits = await permitsOf(commandOf(one), sandbox, place)
    expect(permits).toBeDefined()
    expect(isCovered(permits, one.grants)).toBe(true)
  })

  test.each(textRules.map(({ name }) => name))('without the rule "%s" of texts a case is covered that must not be', async (name) => {
    const rules = { text: textRules.filter((rule) => rule.name !== name), command: commandRules }
    expect((await leaks(rules)).length).toBeGreaterThan(0)
  })

  test.each(commandRules.map(({ name }) => name))('without the rule "%s" of commands a case is covered that must not be', async (name) => {
    const rules = { text: textRules, command: commandRules.filter((rule) => rule.name !== name) }
    expect((await leaks(rules)).length).toBeGreaterThan(0)
  })
})

describe('programs that the operator has added', () => {
  const rememberable = new Set(['kubectl'])

  test('are covered with their exact arguments, as the file of that name in a folder of the system', async () => {
    expect(await permitsOf({ shell: 'kubectl get pods | sort' }, sandbox, { ...place, rememberable })).toEqual([
      { subject: 'exec:scripted:/usr/bin/kubectl', args: ['get', 'pods'] },
      { subject: 'exec:scripted:/usr/bin/sort', args: [] },
    ])
    for (const argv of [['./kubectl'], ['/work/kubectl'], ['kubectl2'], ['env', 'kubectl'], ['git', '-c', 'a=b', 'kubectl']])
      expect(await permitsOf({ argv: argv as unknown as Argv }, sandbox, { ...place, rememberable })).toBeUndefined()
  })

  test('do not loosen what is known of a program', async () => {
    expect(await permitsOf({ shell: 'sort -o x a' }, sandbox, { ...place, rememberable: new Set(['sort']) })).toBeUndefined()
  })
})

describe('permits', () => {
  test('name the sandbox, the real program and the arguments of each part', async () => {
    expect(await permitsOf({ shell: "nohup ls -l 'a b' | sort" }, sandbox, place)).toEqual([
      { subject: 'exec:scripted:/usr/bin/ls', args: ['-l', 'a b'] },
      { subject: 'exec:scripted:/usr/bin/sort', args: [] },
    ])
    expect(await permitsOf({ argv: ['gs', 'status'] }, sandbox, place)).toEqual([
      { subject: 'exec:scripted:/usr/bin/git', args: ['status'] },
    ])
  })

  test('are for programs that root owns, and this user cannot write', async () => {
    const facts = { uid: 0, mode: 0o755, isWritable: false }
    expect(await permitsOf({ shell: 'ls' }, sandbox, { ...place, look: () => facts })).toHaveLength(1)
    for (const wrong of [{ uid: 1000 }, { mode: 0o777 }, { isWritable: true }])
      expect(await permitsOf({ shell: 'ls' }, sandbox, { ...place, look: () => ({ ...facts, ...wrong }) })).toBeUndefined()
    expect(await permitsOf({ shell: 'ls' }, sandbox, { workspace: '/usr/bin' })).toBeUndefined()
  })

  test('are found in a time that grows with the text alone', async () => {
    for (const text of [`${'a'.repeat(19_000)}~`, '|'.repeat(19_000), "'".repeat(19_001), `ls ${'"a"'.repeat(6_000)}$`, ' '.repeat(19_999)])
      expect(await permitsOf({ shell: text }, sandbox, place)).toBeUndefined()
  }, 5_000)
})
