import { BeamClaw, FsStore, OpenAiProvider } from 'beamclaw'

const { OPENAI_BASE_URL: baseUrl = '', OPENAI_API_KEY: apiKey = '' } = process.env
await using claw = await new BeamClaw({
  providers: { openai: new OpenAiProvider({ baseUrl, apiKey }) },
  agents: [{ id: 'main', model: 'openai/my-model' }],
  store: new FsStore({ path: './data' }),
}).start()

const { text } = await claw
  .session('agent:main:ada')
  .send(process.argv[2] ?? '')
  .result()
console.log(text)
