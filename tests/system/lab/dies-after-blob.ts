/**
 * A process that sends one image and dies by SIGKILL once the attachment is durable, before the record of its message. Argument: the data directory.
 */
import { BeamClaw, defineAgent, silentLogger } from '@beamclaw/core'
import { wrapStore } from '@beamclaw/core/adapter'
import { DemoProvider } from '@beamclaw/providers/demo'
import { FsStore } from '@beamclaw/store-fs'
import { imageOf } from './images.ts'

const files = new FsStore({ path: process.argv[2] ?? '' })
const store = wrapStore(files, {
  blobs: {
    put: async (owner, bytes) => {
      await files.blobs.put(owner, bytes)
      process.kill(process.pid, 'SIGKILL')
      return new Promise<never>(() => {})
    },
    read: (owner, id) => files.blobs.read(owner, id),
    list: (owner) => files.blobs.list(owner),
    share: (from, to, ids) => files.blobs.share(from, to, ids),
    deleteAll: (owner) => files.blobs.deleteAll(owner),
  },
})
const claw = await new BeamClaw({
  providers: { demo: new DemoProvider() },
  agents: [defineAgent({ id: 'main', model: 'demo/demo-1' })],
  store,
  services: { logger: silentLogger },
}).start()
await claw.session('agent:main:first').send([imageOf(1)]).accepted
