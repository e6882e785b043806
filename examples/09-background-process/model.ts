/** The model of this example: it says by script what a real one would think of by itself. */
import type { ProviderRequest } from '@beamclaw/core'
import { ScriptedProvider, toolAnswer } from '@beamclaw/core/testing'

const release = 'echo "Built. Publish it?"; read -r answer; echo "Published: $answer"'

export const model = new ScriptedProvider({
  answers: (request, index) => {
    switch (index) {
      case 0:
        return toolAnswer('exec', { command: release, background: true })
      case 1:
        return toolAnswer('process', { action: 'poll', id: processIn(request) })
      case 2:
        return 'It is built, and asks whether to publish.'
      case 3:
        return toolAnswer('process', { action: 'tail', id: processIn(request) })
      default:
        return 'The release is out.'
    }
  },
})

/** Returns the name of the process, which the result of `exec` tells the model. */
function processIn({ messages }: ProviderRequest): string {
  const results = messages.flatMap((message) => (message.role === 'tool' ? message.content : []))
  return /in the background as "([a-z-]+)"/.exec(String(results[0]?.content))?.[1] ?? ''
}
