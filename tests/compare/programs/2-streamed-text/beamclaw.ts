import { BeamClaw, OpenAiProvider } from 'beamclaw'

const main = { id: 'main', model: 'openai/my-model' }
await using claw = await new BeamClaw({ providers: { openai: new OpenAiProvider() }, agents: [main] }).start()

const { textStream } = claw.session('first').send('Tell me a story.')
for await (const text of textStream) process.stdout.write(text)
process.stdout.write('\n')
