import { BeamClaw, FsStore, OpenAiProvider } from 'beamclaw'

const main = { id: 'main', model: 'openai/my-model' }
const store = new FsStore({ path: './data' })
await using claw = await new BeamClaw({ providers: { openai: new OpenAiProvider() }, agents: [main], store }).start()

const session = claw.session('ada')
const { text } = await session.send(process.argv[2] ?? '').result()
console.log(text)
