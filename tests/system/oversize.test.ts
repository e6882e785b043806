import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BeamClaw, defineAgent, silentLogger } from '@beamclaw/core'
import { DemoProvider } from '@beamclaw/providers/demo'
import { FsStore } from '@beamclaw/store-fs'
import { expect, test } from 'vitest'

test('a message that is too large for the store is refused, and the next one is taken', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'beamclaw-large-'))
  const claw = await new BeamClaw({
    providers: { demo: new DemoProvider() },
    agents: [defineAgent({ id: 'main', model: 'demo/demo-1' })],
    store: new FsStore({ path: folder, maxDocumentBytes: 100_000 }),
    services: { logger: silentLogger },
  }).start()
  try {
    const session = claw.session('agent:main:main')
    await expect(session.send('x'.repeat(200_000)).accepted).rejects.toMatchObject({ code: 'document-too-large' })
    expect((await session.send('hello').result()).text).not.toBe('')
  } finally {
    await claw.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})
