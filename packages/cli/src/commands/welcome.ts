/** What `beamclaw start` tells a person at a terminal once it is ready: what to try first. */
import type { AgentDefinition } from '@beamclaw/core'
import { providerOf, type Settings } from '../config/settings.ts'
import { version } from '../version.ts'

/** Returns the text for the default agent of a gateway at `url`. */
export function welcomeText(
  url: string,
  agent: Pick<AgentDefinition, 'id' | 'model' | 'tools'> | undefined,
  { auth, providers }: Pick<Settings, 'auth' | 'providers'>,
): string {
  const body = `{"model":"beamclaw","stream":true,"messages":[{"role":"user","content":"hello"}]}`
  const token = auth.mode === 'token' ? `\n      -H "authorization: Bearer $BEAMCLAW_GATEWAY_TOKEN" \\` : ''
  // Other models decide for themselves whether they run what they are told to.
  const isDemo = agent !== undefined && providers[providerOf(agent.model)]?.type === 'demo'
  const command = isDemo && agent.tools.has('exec') ? commandText(url) : ''
  return `
  BeamClaw ${version} is ready: ${url}
  It answers with ${agent?.model}. Try it, from another terminal:

    curl -N ${url}/v1/chat/completions \\${token}
      -H 'content-type: application/json' -H 'x-beamclaw-session-key: agent:${agent?.id}:first' \\
      -d '${body}'
${command}
  Ask again with the same session key and it remembers, also after kill -9. Ctrl-C stops it.

`
}

function commandText(url: string): string {
  return `
  It can run commands in a sandbox, and asks you before each (in a checkout: npm run beamclaw -- send …):

    beamclaw send --url ${url} "run uname -a"
`
}
