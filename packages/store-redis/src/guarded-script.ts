/** Scripts that write nothing into another store: a server may be emptied, or get other data, while its connections stay open. */
import type { RedisScript } from './redis-client.ts'
import { script } from './scripts.ts'

/** The key and the id of the store that a script writes to. */
export interface Guard {
  readonly key: string
  readonly id: string
}

/** How the refusal of a guarded script begins. */
export const otherStore = 'OTHERSTORE'

const prelude = `
local id, store = table.remove(ARGV), table.remove(KEYS)
if redis.call('HGET', store, 'id') ~= id then return redis.error_reply('${otherStore} the store is another one') end
`

/** Makes scripts that take the guard's key and id behind their own keys and arguments, each once. */
export class GuardedScripts {
  readonly #made = new Map<RedisScript, RedisScript>()

  of(bare: RedisScript): RedisScript {
    const made = this.#made.get(bare) ?? script(prelude + bare.source)
    this.#made.set(bare, made)
    return made
  }
}
