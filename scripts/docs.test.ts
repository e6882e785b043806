// Every `ts run` block of the documentation is a program: it passes the compiler, runs from source, and prints what its `// →` comments say.
import { spawn } from 'node:child_process'
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { actorDefaults } from '../packages/actor/src/actor/actor-options.ts'
import { callDefaults } from '../packages/actor/src/actor/actor-ref.ts'
import { subscribeDefaults } from '../packages/actor/src/defaults/local-event-bus.ts'
import { childDefaults } from '../packages/actor/src/supervisor/child-spec.ts'
import { DynamicSupervisor, dynamicSupervisorDefaults } from '../packages/actor/src/supervisor/dynamic-supervisor.ts'
import { Supervisor } from '../packages/actor/src/supervisor/supervisor.ts'
import { supervisorDefaults } from '../packages/actor/src/supervisor/supervisor-options.ts'
import { Actor, BeamClawError, type ErrorCode, LocalEventBus, Registry, TaskSupervisor } from '../packages/core/src/index.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const pages = globSync(['README.md', 'docs/**/*.md', 'packages/*/README.md'], { cwd: root }).sort()
const primitives = ['actor', 'supervisor', 'dynamic-supervisor', 'task-supervisor', 'registry', 'event-bus', 'errors', 'ids']
const read = (page: string): string => readFileSync(join(root, page), 'utf8')

interface Block {
  /** Page and line, for people. */
  readonly name: string
  readonly file: string
  readonly code: string
  readonly lines: readonly string[]
}

const blocks = pages.flatMap(blocksOf)

function blocksOf(page: string): Block[] {
  const text = read(page)
  return [...text.matchAll(/^```ts run\n(.*?)^```$/gms)].map((match) => {
    const line = text.slice(0, match.index).split('\n').length
    const code = match[1] ?? ''
    const lines = [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, said]) => said ?? '')
    return { name: `${page}:${line}`, file: `${page.replaceAll(/[/.]/g, '-')}-${line}.ts`, code, lines }
  })
}

let folder = ''
const printed = new Map<Block, Outcome>()
let compilerSays = ''

/** Packages of others that programs of the pages use beside ours. */
const shownPackages = ['ai', '@ai-sdk/anthropic']

// A folder in which our packages are installed, as a reader's would be. The links end outside node_modules, so Node runs them from source.
function install(name: string, target: string): void {
  const link = join(folder, 'node_modules', name)
  mkdirSync(dirname(link), { recursive: true })
  if (!existsSync(link)) symlinkSync(target, link, 'junction')
}

interface Outcome {
  readonly status: number | null
  readonly output: string
  readonly errors: string
}

function run(command: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, NODE_OPTIONS: '' }
    const child = spawn(command, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 20_000 })
    let [output, errors] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text
    })
    child.on('error', reject).on('close', (status) => resolve({ status, output, errors }))
  })
}

/** Milliseconds that the compiler may take for all programs together, on a machine that is busy. */
const compileMs = 600_000

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'beamclaw-docs-'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  for (const manifest of globSync('packages/*/package.json', { cwd: root })) {
    const { name, peerDependencies = {} } = JSON.parse(read(manifest)) as { name: string; peerDependencies?: Record<string, string> }
    install(name, join(root, dirname(manifest)))
    for (const peer of Object.keys(peerDependencies)) {
      const target = join(root, dirname(manifest), 'node_modules', peer)
      if (!peer.startsWith('@beamclaw/') && existsSync(target)) install(peer, target)
    }
  }
  for (const name of shownPackages) install(name, join(root, 'packages/providers/node_modules', name))
  for (const { file, code } of blocks) writeFileSync(join(folder, file), code)
  const compilerOptions = { noEmit: true, types: ['node'], typeRoots: [join(root, 'node_modules/@types')] }
  const project = { extends: join(root, 'tsconfig.base.json'), compilerOptions, include: ['*.ts'] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(project))
  compilerSays = (await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json', '--pretty', 'false']))
    .output
  // Two at a time: there may be no more processors than that.
  const waiting = [...blocks]
  const worker = async (): Promise<void> => {
    for (let block = waiting.shift(); block !== undefined; block = waiting.shift()) {
      printed.set(block, await run(process.execPath, ['--conditions=beamclaw:source', block.file]))
    }
  }
  await Promise.all([worker(), worker()])
}, compileMs)

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe.each(blocks.map((block) => [block.name, block] as const))('the program at %s', (_name, block) => {
  test('runs and prints what it says', () => {
    const { status, output, errors } = printed.get(block) ?? expect.unreachable()
    expect({ status, errors, printed: output.split('\n').slice(0, -1) }).toEqual({ status: 0, errors: '', printed: block.lines })
  })

  test('passes the compiler', () => {
    expect(compilerSays.split('\n').filter((line) => line.startsWith(block.file))).toEqual([])
  })

  test('says what it prints', () => {
    expect(block.lines.length).toBeGreaterThan(0)
  })
})

describe('the pages', () => {
  test.each(primitives)('docs/%s.md has a program and is in the index', (name) => {
    expect(blocks.some((block) => block.name.startsWith(`docs/${name}.md:`))).toBe(true)
    expect(read('docs/README.md')).toContain(`](${name}.md)`)
  })

  test('in docs have no TypeScript that is not run', () => {
    for (const page of pages.filter((name) => name.startsWith('docs/')))
      expect(read(page), page).not.toMatch(/^```(ts|typescript|js|javascript)\n/m)
  })

  test.each(pages.filter((page) => page.startsWith('docs/')))('%s links to what is there', (page) => {
    const targets = [...read(page).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, target]) => target ?? '')
    expect(targets.filter((target) => !existsSync(join(root, dirname(page), target)))).toEqual([])
  })
})

describe('the table of errors', () => {
  const rows = [...read('docs/errors.md').matchAll(/^\| `([a-z-]+)` +\| (yes|no) +\| \S.* \| \S.* \|$/gm)]
  // The tables in the code are private: their lines are `code: { kind: … }`.
  const source = ['actor', 'core'].map((name) => read(`packages/${name}/src/base/error-codes.ts`)).join('\n')
  const codes = [...source.matchAll(/^ {2}'?([a-z-]+)'?: \{ kind: '[a-z-]+'(?:, isRetryable: true)? \},$/gm)].map(
    ([, code]) => code as ErrorCode,
  )

  test('has each code of the code once, and no others', () => {
    expect(codes.length).toBeGreaterThan(50)
    expect(rows.map(([, code]) => code).toSorted()).toEqual(codes.toSorted())
  })

  test('says of each whether it can be tried again', () => {
    const said = rows.map(([, code, answer]) => [code, answer])
    expect(said).toEqual(rows.map(([, code]) => [code, new BeamClawError(code as ErrorCode, '').isRetryable ? 'yes' : 'no']))
  })
})

class Idle extends Actor {
  protected override handle(): void {}
}

const unknown = { nobodyKnowsThis: true } as never
const noLimit = Number.MAX_SAFE_INTEGER

// What makes the code list the options it knows; absent where unknown ones are not refused.
const optionTables: readonly { page: string; type: string; defaults: object; refuse?: () => unknown }[] = [
  { page: 'actor', type: 'ActorOptions', defaults: actorDefaults, refuse: () => new Idle(unknown) },
  { page: 'actor', type: 'CallOptions', defaults: callDefaults },
  { page: 'supervisor', type: 'SupervisorOptions', defaults: supervisorDefaults, refuse: () => new Supervisor(unknown) },
  { page: 'supervisor', type: 'ChildSpec', defaults: childDefaults },
  {
    page: 'dynamic-supervisor',
    type: 'DynamicSupervisorOptions',
    defaults: dynamicSupervisorDefaults,
    refuse: () => new DynamicSupervisor(unknown),
  },
  { page: 'task-supervisor', type: 'TaskSupervisorOptions', defaults: { maxChildren: noLimit }, refuse: () => new TaskSupervisor(unknown) },
  { page: 'task-supervisor', type: 'TaskOptions', defaults: {}, refuse: () => new TaskSupervisor().run(() => {}, unknown) },
  { page: 'registry', type: 'RegistryOptions', defaults: { keys: 'unique' }, refuse: () => new Registry(unknown) },
  { page: 'event-bus', type: 'SubscribeOptions', defaults: subscribeDefaults, refuse: () => new LocalEventBus().subscribe('a', unknown) },
]

const shown = (value: unknown): string => {
  if (value === noLimit) return 'no limit'
  return typeof value === 'object' ? '`[]`' : `\`${typeof value === 'string' ? `'${value}'` : value}\``
}

/** Name and default of each option in the table whose first heading is the type. */
function optionsIn(page: string, type: string): Map<string, string> {
  const [, table = ''] = read(`docs/${page}.md`).match(new RegExp(`^\\| \`${type}\` .*\\n\\|[ |-]*\\n((?:\\|.*\\n)*)`, 'm')) ?? []
  return new Map([...table.matchAll(/^\| `(\w+)` +\| (.*?) +\|/gm)].map(([, name = '', value = '']) => [name, value]))
}

async function knownTo(refuse: () => unknown): Promise<unknown> {
  try {
    await refuse()
  } catch (error) {
    if (BeamClawError.isInstance(error, 'invalid-option')) return error.details.known
  }
  return undefined
}

describe.each(optionTables)('the table of $type on the page $page', ({ page, type, defaults, refuse }) => {
  const table = optionsIn(page, type)

  if (refuse !== undefined) {
    test('has the options of the code', async () => {
      expect([...table.keys()].toSorted()).toEqual([...((await knownTo(refuse)) as string[])].toSorted())
    })
  }

  test('has the defaults of the code', () => {
    expect(table.size).toBeGreaterThan(0)
    const expected = Object.entries(defaults).map(([name, value]) => [name, shown(value)])
    expect(expected.map(([name = '']) => [name, table.get(name)])).toEqual(expected)
  })
})
