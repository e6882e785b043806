import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RunningBeamClaw, silentLogger } from '@beamclaw/core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { AssembledBeamClaw } from '../assemble.ts'
import { settingsFrom } from '../config/settings.ts'
import { runCli } from '../testing/run-cli.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'beamclaw-skills-'))
  write('one', '---\nname: one\ndescription: First\n---\nDo one.\n')
  write('two', '---\nname: two\ndescription: Second\nrequires: { bins: [no-such-program] }\n---\nDo two.\n')
  write('bad', 'nothing')
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

function write(name: string, text: string): void {
  mkdirSync(join(folder, 'skills', name), { recursive: true })
  writeFileSync(join(folder, 'skills', name, 'SKILL.md'), text)
}

test('skills list shows them, for which agents, and what is wrong', async () => {
  const config = 'agents: { main: { model: demo/demo-1, skills: [one] } }\nskills: { folders: [skills] }\n'
  writeFileSync(join(folder, 'beamclaw.yaml'), config)
  const { code, output } = await runCli(['skills', 'list'], { cwd: folder })
  expect(code).toBe(0)
  expect(output).toMatch(/one +main +on demand/)
  expect(output).toContain('not usable: there is no program "no-such-program"')
  expect(output).toMatch(/not used.*bad: SKILL.md must begin with front matter/)
  const { output: json } = await runCli(['skills', '--json'], { cwd: folder })
  expect(JSON.parse(json)).toMatchObject({
    skills: [
      { name: 'one', agents: ['main'], unavailable: null },
      { name: 'two', agents: [] },
    ],
    problems: [{ problem: expect.stringContaining('front matter') }],
  })
})

test('a name that no skill has is told with those there are, and costs no start', async () => {
  const logged: unknown[] = []
  const settings = settingsFrom(
    {
      store: { type: 'memory' },
      agents: { main: { model: 'demo/demo-1', skills: ['one', 'on'] } },
      skills: { folders: [join(folder, 'skills')] },
    },
    { environment: {} },
  )
  await AssembledBeamClaw.from(settings, { log: (_level, event, fields) => logged.push({ event, ...fields }) })
  expect(logged).toContainEqual({ event: 'skills.unknown', agent: 'main', skill: 'on', known: ['one', 'two'] })
})

test('a name that no skill can have is refused', async () => {
  writeFileSync(join(folder, 'beamclaw.yaml'), 'agents: { main: { model: demo/demo-1, skills: [../one] } }\n')
  expect(await runCli(['config', 'check'], { cwd: folder })).toMatchObject({
    code: 2,
    errors: expect.stringContaining('agents.main.skills.0'),
  })
})

const systemOf = (claw: RunningBeamClaw, index: number) => String(claw.agents[index]?.system)

test('agents get the skills that they name, also those that come later', async () => {
  const settings = settingsFrom(
    {
      store: { type: 'memory' },
      agents: { main: { model: 'demo/demo-1', skills: ['*'] }, plain: { model: 'demo/demo-1' } },
      skills: { folders: [join(folder, 'skills')] },
    },
    { environment: {} },
  )
  const assembled = await AssembledBeamClaw.from(settings, silentLogger)
  await using claw = await assembled.claw.start()
  const stop = assembled.watchSkills(claw)
  expect(systemOf(claw, 0)).toContain('- one: First')
  expect(claw.agents[1]?.system).toBeUndefined()
  write('three', '---\nname: three\ndescription: Third\n---\nDo three.\n')
  await vi.waitFor(() => expect(systemOf(claw, 0)).toContain('- three: Third'), { timeout: 10_000 })
  stop()
})
