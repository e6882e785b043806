import { createInterface } from 'node:readline/promises'
import { BeamClaw, defineTool, OpenAiProvider } from 'beamclaw'
import * as z from 'zod'

const terminal = createInterface({ input: process.stdin, output: process.stdout })
const approves = async (question: string) => (await terminal.question(question)) === 'yes'

const deleteReport = defineTool({
  name: 'delete_report',
  description: 'Deletes a report',
  input: z.object({ name: z.string() }),
  execute: async ({ name }) => {
    if (!(await approves(`Delete ${name}? `))) throw new Error('A person refused this.')
    return `${name} is deleted`
  },
})

const { OPENAI_BASE_URL: baseUrl = '', OPENAI_API_KEY: apiKey = '' } = process.env
await using claw = await new BeamClaw({
  providers: { openai: new OpenAiProvider({ baseUrl, apiKey }) },
  agents: [{ id: 'main', model: 'openai/my-model', tools: [deleteReport] }],
}).start()

const { text } = await claw.session('agent:main:first').send('Delete the report q3.').result()
console.log(text)
terminal.close()
