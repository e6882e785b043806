/** Skills: folders that tell an agent how to do a kind of task. It knows their names, and loads the text when it needs it. */
import { fileURLToPath } from 'node:url'
import { BeamClaw, defineAgent } from '@beamclaw/core'
import { ScriptedProvider, toolAnswer } from '@beamclaw/core/testing'
import { SkillFolders } from '@beamclaw/tools'

const skills = await new SkillFolders({ folders: [fileURLToPath(new URL('skills', import.meta.url))] }).load()
for (const { name, description, unavailable } of skills.all) console.log(`${name}: ${unavailable ?? description}`)

// A script says what a real model would: it finds the name in its prompt, loads the text, and then the file that the text names.
const provider = new ScriptedProvider({
  answers: [
    toolAnswer('load_skill', { name: 'release-notes' }),
    toolAnswer('load_skill', { name: 'release-notes', file: 'form.md' }),
    '## Version 1.2\n\n- Opens large files twice as fast',
  ],
})
const claw = new BeamClaw({
  providers: { scripted: provider },
  agents: [defineAgent(skills.agent({ id: 'main', model: 'scripted/any', system: 'You help to release software.' }))],
})
const running = await claw.start()
const { text, toolCalls } = await running.session('agent:main:release').send('Write the notes of version 1.2.').result()

console.log(`The model was told:\n${provider.requests[0]?.system}`)
for (const { name, input, result } of toolCalls) console.log(`${name} ${JSON.stringify(input)}:\n${result?.content}`)
console.log(text)
await running.stop()
