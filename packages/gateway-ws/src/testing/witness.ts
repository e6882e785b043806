/** A gateway with a well-behaved client, which no other client may disturb. */
import type { GatewayOptions } from '../gateway-options.ts'
import { RawClient } from './raw-client.ts'
import { type Scene, scene } from './scene.ts'

/** Starts a gateway and a well-behaved client, and checks after the test that the client still works. */
export async function withWitness(
  gateway: Partial<GatewayOptions> = {},
): Promise<{ readonly stage: Scene; readonly witness: RawClient } & AsyncDisposable> {
  const stage = await scene({ gateway })
  const auth = gateway.auth?.mode === 'token' ? { auth: { token: gateway.auth.token } } : {}
  const witness = await RawClient.connected(stage.url, auth)
  return {
    stage,
    witness,
    async [Symbol.asyncDispose]() {
      // Whatever the test did, the other clients must still work.
      const params = { sessionKey: 'witness', message: 'hello', idempotencyKey: 'still-here' }
      const { status } = await witness.ask('chat.send', params)
      if (status !== 'started') throw new Error(`the witness's message is ${status}`)
      const { payload } = await witness.chatEnd('still-here')
      if (payload?.state !== 'final') throw new Error(`the witness's run is ${payload?.state}`)
      await witness[Symbol.asyncDispose]()
      await stage[Symbol.asyncDispose]()
    },
  }
}
