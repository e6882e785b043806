import { BeamClaw, OpenAiProvider } from 'beamclaw'

const { OPENAI_BASE_URL: baseUrl = '', OPENAI_API_KEY: apiKey = '' } = process.env
await using claw = await new BeamClaw({
  providers: { openai: new OpenAiProvider({ baseUrl, apiKey }) },
  agents: [{ id: 'main', model: 'openai/my-model' }],
}).start()

for await (const event of claw.session('agent:main:first').send('Tell me a story.')) {
  if (event.type === 'text-delta') process.stdout.write(event.text)
}
process.stdout.write('\n')
