import { BeamClaw, OpenAiProvider } from 'beamclaw'

await using claw = await new BeamClaw({ providers: { openai: new OpenAiProvider() }, agents: [] }).start()

const { text } = await claw.generate('openai/my-model', 'Say hello.')
console.log(text)
