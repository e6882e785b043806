import { BeamClaw, OpenAiProvider } from 'beamclaw'

const { OPENAI_BASE_URL: baseUrl = '', OPENAI_API_KEY: apiKey = '' } = process.env
await using claw = await new BeamClaw({
  providers: { openai: new OpenAiProvider({ baseUrl, apiKey }) },
  agents: [{ id: 'main', model: 'openai/my-model' }],
}).start()

const { text } = await claw.session('agent:main:first').send('Say hello.').result()
console.log(text)
