/** The agents and the conversations, read on the server. */
import { connection } from 'next/server'
import type { ReactNode } from 'react'
import { claw } from '../lib/claw'

export default async function Page(): Promise<ReactNode> {
  // Without this, `next build` would render the page, and no BeamClaw starts in a build.
  await connection()
  const running = await claw.get()
  const sessions = await running.sessions()
  return (
    <dl>
      {running.agents.map(({ id, system }) => [
        <dt key={id}>{id}</dt>,
        <dd key={`${id}-system`}>{typeof system === 'string' ? system : 'made for each question'}</dd>,
      ])}
      <dt>Conversations</dt>
      {sessions.map(({ sessionKey }) => (
        <dd key={sessionKey}>{sessionKey}</dd>
      ))}
    </dl>
  )
}
