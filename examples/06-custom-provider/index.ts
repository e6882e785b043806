/** Uses a model that is defined in this file. */
import { BeamClaw, defineAgent, textOf } from '@beamclaw/core'
import { type Engine, EngineProvider } from './provider.ts'

/** Repeats the last message, backwards. */
const parrot: Engine = async function* ({ messages }) {
  const last = messages.at(-1)
  const words = (last === undefined ? '' : textOf(last)).split(' ').toReversed()
  for (const word of words) yield { type: 'say', text: `${word} ` }
  yield { type: 'done', tokensIn: words.length, tokensOut: words.length }
}

const claw = new BeamClaw({
  providers: { parrot: new EngineProvider(parrot) },
  agents: [defineAgent({ id: 'main', model: 'parrot/backwards' })],
})
const running = await claw.start()
const { text, usage } = await running.session('agent:main:first').send('all is well that ends well').result()
console.log(text)
console.log(`${usage.outputTokens} tokens`)
await running.stop()
