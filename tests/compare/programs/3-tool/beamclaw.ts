import { BeamClaw, defineTool, OpenAiProvider } from 'beamclaw'
import * as z from 'zod'

const weather = defineTool({
  name: 'weather',
  description: 'Tells the weather in a city',
  input: z.object({ city: z.string() }),
  execute: ({ city }) => `rain in ${city}`,
})

const main = { id: 'main', model: 'openai/my-model', tools: [weather] }
await using claw = await new BeamClaw({ providers: { openai: new OpenAiProvider() }, agents: [main] }).start()

const { text } = await claw.session('first').send('Do I need an umbrella in Oslo?').result()
console.log(text)
