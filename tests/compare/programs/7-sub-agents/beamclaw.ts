import { agentTool, BeamClaw, handoff, OpenAiProvider } from 'beamclaw'

const model = 'openai/my-model'
await using claw = await new BeamClaw({
  providers: { openai: new OpenAiProvider() },
  agents: [
    {
      id: 'main',
      model,
      tools: [agentTool('sums', { description: 'Works out sums' }), handoff('billing', { description: 'For questions about bills' })],
    },
    { id: 'sums', model, system: 'You work out sums.' },
    { id: 'billing', model, system: 'You know about bills.' },
  ],
}).start()

const session = claw.session('first')
for (const question of ['What is 2+3?', 'How much is my bill?', 'And last month?']) {
  const { text } = await session.send(question).result()
  console.log(text)
}
