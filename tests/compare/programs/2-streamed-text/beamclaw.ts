import { BeamClaw, OpenAiProvider } from 'beamclaw'

const main = { id: 'main', model: 'openai/my-model' }
await using claw = await new BeamClaw({ providers: { openai: new OpenAiProvider() }, agents: [main] }).start()

for await (const event of claw.session('first').send('Tell me a story.')) {
  if (event.type === 'text-delta') process.stdout.write(event.text)
}
process.stdout.write('\n')
