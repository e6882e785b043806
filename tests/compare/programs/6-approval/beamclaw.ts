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

const main = { id: 'main', model: 'openai/my-model', tools: [deleteReport] }
await using claw = await new BeamClaw({ providers: { openai: new OpenAiProvider() }, agents: [main] }).start()

const { text } = await claw.session('first').send('Delete the report q3.').result()
console.log(text)
terminal.close()
