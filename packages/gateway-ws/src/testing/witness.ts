/** A gateway with a client that uses it as it is meant, and that no other client may disturb. */
import type { GatewayOptions } from '../gateway-options.ts'
import { RawClient } from './raw-client.ts'
import { type Scene, scene } from './scene.ts'

/** Starts a gateway, and a client that uses it as it is meant. */
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
      // Whatever happened: the others go on as if nothing had.
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
