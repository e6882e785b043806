// Every example is run as a reader runs it, in a process of its own; here from source, so that no build is needed.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const folder = fileURLToPath(new URL('.', import.meta.url))
const folders = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
/** Those that run to their end. The others are servers: tests/embedding starts them. */
const examples = folders.filter((name) => /^\d/.test(name))
/** Next has its own idea of what begins a program. */
const programs = folders.filter((name) => name !== 'nextjs-backend')

const noRedis = spawnSync('redis-server', ['--version']).status !== 0
if (noRedis) console.log('skipped: 13-many-nodes needs the program redis-server')

interface Outcome {
  readonly code: number | null
  readonly lines: readonly string[]
  readonly errors: string
}

/** The oldest Node that is promised, where `npm run matrix` has put it. */
const oldestNode = join(folder, '..', 'node_modules', '.beamclaw', 'matrix', 'node_modules', 'node22', 'bin', 'node')
const nodes = existsSync(oldestNode) ? [process.execPath, oldestNode] : [process.execPath]

/** Runs an example to its end with `input` typed, which then ends; on every Node that is here. They must agree. */
async function run(name: string, input = ''): Promise<Outcome> {
  const [outcome, ...others] = await Promise.all(
    nodes.map((node) => runOn(node, ['--conditions=beamclaw:source', 'index.ts'], { cwd: join(folder, name), input })),
  )
  for (const other of others) expect(other).toEqual(outcome)
  return outcome as Outcome
}

/** Names, ids, times, and how far a command had come when its start was told: they differ from run to run. */
const passing: readonly (readonly [RegExp, string])[] = [
  [/\b[0-9a-f]{16,}\b/g, 'ID'],
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME'],
  [/\bafter \d+\.\d s/g, 'after SECONDS'],
  [/(in the background as "|The background process )[a-z]+-[a-z]+/g, '$1NAME'],
  [/^Output so far; .*\n.*\n/gm, ''],
]

function linesOf(output: string): readonly string[] {
  const lasting = passing.reduce((text, [pattern, name]) => text.replace(pattern, name), output)
  return lasting.split('\n').filter((line) => line !== '')
}

interface RunSettings {
  readonly cwd: string
  readonly input?: string
  readonly environment?: Readonly<Record<string, string>>
}

function runOn(node: string, args: readonly string[], { cwd, input = '', environment = {} }: RunSettings): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(node, ['--disable-warning=ExperimentalWarning', ...args], {
      cwd,
      env: { PATH: process.env.PATH ?? '', ...environment },
    })
    let [output, errors] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text
    })
    child.stdin.on('error', () => {}).end(input)
    child.on('error', reject).on('close', (code) => resolve({ code, errors, lines: linesOf(output) }))
  })
}

describe('the examples', () => {
  test('01-minimal answers, and remembers what was said', async () => {
    const { code, lines, errors } = await run('01-minimal')
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    expect(lines[0]).toBe('2+3 = 5')
    expect(lines[1]).toContain('My number is 2+3')
  })

  test('02-tools runs the tool, and tells the model what went wrong', async () => {
    const { code, lines, errors } = await run('02-tools')
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    expect(lines).toEqual([
      expect.stringMatching(/^ok: .*apple.*12/),
      expect.stringMatching(/^error: .*We do not sell any plum/),
      expect.stringMatching(/^error: .*fruit/),
    ])
  })

  test('03-approval waits over a kill, and acts after a yes', async () => {
    const { code, lines, errors } = await run('03-approval', 'yes\n')
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    expect(lines.join('\n')).toMatch(
      /^first process: {2}waits for approval: delete_report.*\n +killed while it waited\n(.|\n)*done: "q3 is deleted"/,
    )
  })

  test.each(['no\n', 'y\n', '\n', ''])('03-approval does not act after %j', async (input) => {
    const { code, lines, errors } = await run('03-approval', input)
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    expect(lines.join('\n')).toMatch(/refused: "Denied: .*A person refused this\./)
  })

  test('04-supervision shows that the worker is back, without what it knew, and its neighbour as before', async () => {
    const { code, lines, errors } = await run('04-supervision')
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    expect(lines).toEqual([
      'left + 2 = 2',
      'right + 5 = 5',
      'sums',
      '  left running, restarted 0 times',
      '  right running, restarted 0 times',
      'left + two failed: actor-crashed',
      'left + 3 = 3',
      'right + 5 = 10',
      'sums',
      '  left running, restarted 1 times',
      '  right running, restarted 0 times',
    ])
  })

  test('05-durable-restart goes on after the kill, and does nothing twice that was done', async () => {
    const { code, lines, errors } = await run('05-durable-restart')
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    const of = (process: string) => lines.filter((line) => line.startsWith(process)).map((line) => line.slice(line.indexOf(':') + 1).trim())
    expect(of('first process')).toEqual(['the job is accepted', 'measuring part 1', 'measuring part 2'])
    expect(of('second process').filter((line) => line.startsWith('measuring'))).toEqual(['measuring part 2', 'measuring part 3'])
    expect(lines.at(-1)).toBe('second process: all 3 parts are measured')
  })

  test('07-agents-as-tools asks one agent, and hands over to another', async () => {
    const { code, lines, errors } = await run('07-agents-as-tools')
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    expect(lines).toEqual(['calculator: completed', expect.stringMatching(/^ask_calculator: .*2\+3 = 5/), 'billing answers'])
  })

  test('06-custom-provider speaks', async () => {
    const { code, lines, errors } = await run('06-custom-provider')
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    expect(lines).toEqual(['well ends that well is all ', '6 tokens'])
  })

  test('08-own-part sends its reminders, and stands in the tree', async () => {
    const { code, lines, errors } = await run('08-own-part')
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    expect(lines).toEqual(['reminder 1', 'reminder 2', 'reminder 3', 'activity, tools, sessions, approvals, retention, parts, waker'])
  })

  test('09-background-process is read while its command runs, and is woken by its end', async () => {
    const { code, lines, errors } = await run('09-background-process')
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    const command = 'echo "Built. Publish it?"; read -r answer; echo "Published: $answer"'
    expect(lines).toEqual([
      'message: Build the release.',
      `approved: | ${command}`,
      expect.stringMatching(/^exec: Running since TIME\. It goes on in the background as "NAME"/),
      'process: Running since TIME. Bytes 0 to 19 of 19. Poll from 19 for more.',
      'Built. Publish it?',
      'agent: It is built, and asks whether to publish.',
      'message: The background process NAME has ended with code 0 after SECONDS.',
      `Command: ${command}`,
      'The end of its output (34 bytes in all):',
      'Built. Publish it?',
      'Published: yes',
      'process: Exit code 0 after SECONDS. Bytes 0 to 34 of 34. This is the end.',
      'Built. Publish it?',
      'Published: yes',
      'agent: The release is out.',
    ])
  })

  test('10-sub-agents is free at once, and gets the answer as a message', async () => {
    const { code, lines, errors } = await run('10-sub-agents')
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    expect(lines).toEqual([
      expect.stringMatching(/^sessions_spawn: .*"agent":"calculator","sessionKey":"agent:calculator:sub:ID","status":"starting"/),
      'message: The sub-agent "the sum" (agent calculator, id ID) has completed its task after SECONDS.',
      'Task: 2+3',
      'Its answer:',
      '2+3 = 5',
      'Tokens: demo/demo-1 1 in, 2 out.',
      'main: 2+3 = 5',
      'calculator (the sum): completed, 2+3 = 5',
    ])
  })

  test('11-mcp calls the tools of a server, and asks before the one that does more than read', async () => {
    const { code, lines, errors } = await run('11-mcp')
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    const marked = (text: string) => [
      expect.stringMatching(/^Everything between the two markers .* comes from the MCP server shop\./),
      '<untrusted-content id="ID">',
      text,
      '</untrusted-content id="ID">',
    ]
    expect(lines).toEqual([
      'shop offers mcp__shop__count, mcp__shop__order',
      ...marked('pear: 0'),
      'approved: mcp__shop__order {"fruit":"pear","pieces":5}',
      ...marked('5 of pear are ordered'),
      ...marked('pear: 5'),
    ])
  })

  test('12-skills tells the model of the skill that can be used, and loads its text and its file', async () => {
    const { code, lines, errors } = await run('12-skills')
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    const linesIn = (file: string) => linesOf(readFileSync(join(folder, '12-skills', 'skills', 'release-notes', file), 'utf8'))
    const description = 'How to write the notes of a release from a list of changes. Use it when a version is about to be announced.'
    expect(lines).toEqual([
      'publish: the variable EXAMPLE_REGISTRY_TOKEN is not set',
      `release-notes: ${description}`,
      'The model was told:',
      'You help to release software.',
      '# Skills',
      expect.stringContaining('load it with the tool load_skill'),
      `- release-notes: ${description}`,
      'load_skill {"name":"release-notes"}:',
      // All of it but its front matter of four lines.
      ...linesIn('SKILL.md').slice(4),
      expect.stringContaining('The files of this skill are in'),
      'load_skill {"name":"release-notes","file":"form.md"}:',
      ...linesIn('form.md'),
      '## Version 1.2',
      '- Opens large files twice as fast',
    ])
  })

  test.skipIf(noRedis)('13-many-nodes goes on at another node when the one that has the conversation is killed', async () => {
    const { code, lines, errors } = await run('13-many-nodes')
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    expect(lines).toEqual([
      'three nodes over one Redis',
      'the node that has the conversation is killed, in the middle of an answer',
      expect.stringMatching(/^another node goes on: I am the BeamClaw demo model/),
      'and the third one reads 4 messages: two questions, two answers',
    ])
  })

  test('13-many-nodes says why it cannot reach the Redis that it is given, and leaves nothing behind', async () => {
    const temporary = mkdtempSync(join(tmpdir(), 'beamclaw-of-the-example-'))
    try {
      const cwd = join(folder, '13-many-nodes')
      for (const [url, said] of [
        ['unix:///nonexistent/redis.sock', /^Redis at unix:\/\/\/nonexistent\/redis\.sock cannot be reached .*\n$/],
        ['nonsense', /^inspectRedis: option "url" must be an address .*\n$/],
      ] as const) {
        const environment = { REDIS_URL: url, TMPDIR: temporary }
        const outcome = await runOn(process.execPath, ['--conditions=beamclaw:source', 'index.ts'], { cwd, environment })
        expect(outcome).toEqual({ code: 1, lines: [], errors: expect.stringMatching(said) })
        expect(readdirSync(temporary)).toEqual([])
      }
    } finally {
      rmSync(temporary, { recursive: true, force: true })
    }
  })

  test('and the program of the README need nothing that Node 22.18 does not have', async () => {
    const readme = readFileSync(join(folder, '..', 'README.md'), 'utf8')
    const [, program = ''] = /^```ts run\n(.*?)^```$/ms.exec(readme) ?? []
    const sources = globSync('*/*.ts', { cwd: folder }).map((file) => readFileSync(join(folder, file), 'utf8'))
    for (const source of [program, ...sources]) expect(source).not.toMatch(/\busing [a-z]/i)
    // Where all packages that the program names are at hand.
    const place = join(folder, '..', 'packages', 'cli')
    const file = join(place, 'of-the-readme.ts')
    writeFileSync(file, program)
    try {
      for (const node of nodes) {
        expect(await runOn(node, ['--conditions=beamclaw:source', file], { cwd: place })).toEqual({
          code: 0,
          errors: '',
          lines: ['| echo hello', 'hello'],
        })
      }
    } finally {
      rmSync(file)
    }
  })

  test.each(programs)('%s can be read in a minute', (name) => {
    expect(readFileSync(join(folder, name, 'index.ts'), 'utf8').split('\n').length).toBeLessThanOrEqual(62)
  })

  test.each(folders)('%s says how to run it', (name) => {
    expect(existsSync(join(folder, name, 'README.md'))).toBe(true)
  })

  test('each have a test of what they print', () => {
    const tests = readFileSync(join(folder, 'examples.test.ts'), 'utf8')
    for (const name of examples) expect(tests).toContain(`await run('${name}'`)
  })
})
