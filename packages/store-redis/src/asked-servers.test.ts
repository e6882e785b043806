import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { AskedServers } from './asked-servers.ts'
import type { NodeRedisLike } from './node-redis-client.ts'

const said = "ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'u' 's3cret' "
const refuse = (): Promise<unknown> => Promise.reject(new Error(said, { cause: new Error(said) }))
const accept = (): Promise<unknown> => Promise.resolve()

test.each([
  ['a connection', { connect: refuse }],
  ['a command', { connect: accept, sendCommand: refuse }],
])('the refusal of %s by a server that was asked has no words of the login in it, nor in its cause', async (_, refusing) => {
  const client = { isOpen: false, on: () => undefined, ...refusing } as unknown as NodeRedisLike
  const error: unknown = await new AskedServers(() => client).ask({ host: 'a', port: 1 }, ['ROLE']).catch((failure: unknown) => failure)
  expect(error).toMatchObject({ message: "ERR unknown command 'HELLO'" })
  expect(inspect(error, { depth: 9 })).not.toContain('s3cret')
})
