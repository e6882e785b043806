import { BeamClaw, defineTool, OpenAiProvider } from 'beamclaw'
import * as z from 'zod'

const weather = defineTool({
  name: 'weather',
  description: 'Tells the weather in a city',
  input: z.object({ city: z.string() }),
  execute: ({ city }) => `rain in ${city}`,
})

const { OPENAI_BASE_URL: baseUrl = '', OPENAI_API_KEY: apiKey = '' } = process.env
await using claw = await new BeamClaw({
  providers: { openai: new OpenAiProvider({ baseUrl, apiKey }) },
  agents: [{ id: 'main', model: 'openai/my-model', tools: [weather] }],
}).start()

const { text } = await claw.session('agent:main:first').send('Do I need an umbrella in Oslo?').result()
console.log(text)
