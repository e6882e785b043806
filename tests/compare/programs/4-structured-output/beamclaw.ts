import { BeamClaw, OpenAiProvider } from 'beamclaw'
import * as z from 'zod'

const Book = z.object({ title: z.string(), year: z.number() })

const main = { id: 'main', model: 'openai/my-model' }
await using claw = await new BeamClaw({ providers: { openai: new OpenAiProvider() }, agents: [main] }).start()

const { output } = await claw.session('first').send('Name a novel.', { output: Book }).result()
console.log(output.title, output.year)
