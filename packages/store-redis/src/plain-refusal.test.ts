import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { inspect } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { inspectRedis } from './inspect-redis.ts'
import { plainRefusal } from './plain-refusal.ts'

describe('plainRefusal', () => {
  test.each([
    ["ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'default' 's3cret' ", "ERR unknown command 'HELLO'"],
    ['ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `us\ner`, `s3cret`, ', 'ERR unknown command `HELLO`'],
  ])('takes away what a server repeats of a command: %j', (said, plain) => {
    const refusal = plainRefusal(new Error(said, { cause: new Error(said) }))
    expect(refusal).toMatchObject({ message: plain })
    expect(inspect(refusal, { depth: 9 })).not.toContain('s3cret')
  })

  test.each([new Error("READONLY You can't write against a read only replica."), 'text', undefined])(
    'leaves all else as it is: %s',
    (failure) => {
      expect(plainRefusal(failure)).toBe(failure)
    },
  )
})

/** Resolves with the port of a server that does not know HELLO, and says so as Redis 5 does. */
async function oldServer(): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (data) => {
      for (const command of String(data).split(/(?=^\*\d+\r\n)/m)) {
        const [name, ...words] = [...command.matchAll(/^\$\d+\r\n([^\r]*)/gm)].map(([, word]) => `\`${word}\``)
        socket.write(`-ERR unknown command ${name}, with args beginning with: ${words.join(', ')}, \r\n`)
      }
    })
  })
  onTestFinished(() => void server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

test.each([
  ['a server', 'redis://u:s3cret@127.0.0.1:PORT', {}],
  ['a Redis Cluster', 'redis+cluster://u:s3cret@127.0.0.1:PORT', {}],
  ['a Sentinel', 'redis+sentinel://127.0.0.1:PORT/mymaster', { sentinelUsername: 'u', sentinelPassword: 's3cret' }],
])('no failure of %s that refuses HELLO has the password in it', async (_, address, login) => {
  const url = address.replace('PORT', String(await oldServer()))
  const { error } = (await inspectRedis({ url, ...login, deadlineMs: 700 })) as { readonly error?: Error }
  expect(error).toMatchObject({ code: 'store-io', message: expect.stringContaining('HELLO') })
  expect(inspect(error, { depth: 9 })).not.toContain('s3cret')
})
