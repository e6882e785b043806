// Scripts of skills, run by commands in the sandbox that the gateway assembles.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BeamClaw, defineAgent, silentLogger } from '@beamclaw/core'
import { ScriptedProvider, toolAnswer } from '@beamclaw/core/testing'
import { BubblewrapSandbox } from '@beamclaw/tools'
import { describe, expect, onTestFinished, test } from 'vitest'
import { parseConfig } from './config/load.ts'
import { settingsFrom } from './config/settings.ts'
import { ConfiguredSkills } from './configured-skills.ts'
import { ConfiguredTools } from './configured-tools.ts'

const probe = await new BubblewrapSandbox().probe()

describe.skipIf(!probe.isAvailable)(`scripts of skills in bubblewrap ${probe.reason ?? ''}`, () => {
  test.each(['auto', 'bubblewrap'])('are found where load_skill says, run, and are not changed (%s)', async (sandbox) => {
    const root = realpathSync(mkdtempSync(join(tmpdir(), 'skill-scripts-')))
    onTestFinished(() => rmSync(root, { recursive: true, force: true }))
    const folder = join(root, 'skills/count')
    mkdirSync(join(folder, 'scripts'), { recursive: true })
    writeFileSync(join(folder, 'SKILL.md'), '---\nname: count\ndescription: Counts words\n---\nRun `sh scripts/count.sh`.\n')
    writeFileSync(join(folder, 'scripts/count.sh'), 'wc -w < "$1"; (echo changed > "$0") 2>&1 || echo refused\n')
    mkdirSync(join(root, 'work/main'), { recursive: true })
    writeFileSync(join(root, 'work/main/a.txt'), 'one two three\n')
    const config = `
store: { type: memory }
providers: { x: { type: demo } }
agents: { main: { model: x/y, tools: [exec], skills: ['*'] } }
tools: { workspace: ${root}/work, exec: { sandbox: ${sandbox} } }
skills: { folders: [${root}/skills, ${root}/none] }
`
    const settings = settingsFrom(parseConfig(config, {}, 'file'), { environment: {} })
    const tools = await ConfiguredTools.from(settings, silentLogger)
    const skills = await ConfiguredSkills.from(settings, silentLogger)
    const command = `sh ${folder}/scripts/count.sh a.txt; ls ${root}`
    const provider = new ScriptedProvider({
      answers: [toolAnswer('load_skill', { name: 'count' }), toolAnswer('exec', { command })],
      otherwise: 'done',
    })
    const agent = skills.agent({ id: 'main', model: 'x/y', askMode: 'off', tools: tools.of({ tools: ['exec'] }) }, ['*'])
    await using claw = await new BeamClaw({
      providers: { x: provider },
      agents: [defineAgent(agent)],
      parts: tools.parts,
      services: { logger: silentLogger },
    }).start()
    const { toolCalls } = await claw.session('agent:main:a').send('Count the words').result()
    const [loaded, ran] = toolCalls.map(({ result }) => String(result?.content))
    expect(loaded).toBe(`Run \`sh scripts/count.sh\`.\n\nThe files of this skill are in ${folder}: run its scripts from there.`)
    expect(ran).toMatch(/\n3\n.*Read-only file system\nrefused\nskills\n$/s)
  })
})
