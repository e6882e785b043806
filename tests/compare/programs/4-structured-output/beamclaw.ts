import { BeamClaw, OpenAiProvider } from 'beamclaw'
import * as z from 'zod'

const Book = z.object({ title: z.string(), year: z.number() })

const { OPENAI_BASE_URL: baseUrl = '', OPENAI_API_KEY: apiKey = '' } = process.env
await using claw = await new BeamClaw({
  providers: { openai: new OpenAiProvider({ baseUrl, apiKey }) },
  agents: [{ id: 'main', model: 'openai/my-model' }],
}).start()

const { output } = await claw.session('agent:main:first').send('Name a novel.', { output: Book }).result()
console.log(output.title, output.year)
