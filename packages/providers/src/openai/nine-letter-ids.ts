/** Ids of tool calls for Mistral, which takes nine letters and digits and nothing else, in all of a conversation. */

const letters = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'

const length = 9

/** The ids of one conversation. The same conversation gives the same ids, and so does its beginning. */
export class NineLetterIds {
  readonly #byId = new Map<string, string>()
  readonly #taken = new Set<string>()

  /** Returns the id itself if it fits, otherwise nine letters and digits that it determines. */
  of(id: string): string {
    const known = this.#byId.get(id)
    if (known !== undefined) return known
    let own = /^[0-9A-Za-z]{9}$/.test(id) ? id : hashed(id)
    for (let next = 2; this.#taken.has(own); next++) own = hashed(`${id} ${next}`)
    this.#byId.set(id, own)
    this.#taken.add(own)
    return own
  }
}

/** FNV-1a over 64 bits: enough to tell the calls of a conversation apart, and the same on every machine. */
function hashed(text: string): string {
  let hash = 0xcbf29ce484222325n
  for (const byte of new TextEncoder().encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  let id = ''
  for (let index = 0; index < length; index++) {
    id += letters[Number(hash % 62n)]
    hash /= 62n
  }
  return id
}
