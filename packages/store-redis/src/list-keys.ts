/** A page of the keys below a prefix, from the sorted set of a tenant's keys. */
import type { StoreKey } from '@beamclaw/core'
import { compareStoreKeys, isBelowStoreKey } from '@beamclaw/core/adapter'
import { keySetName } from './key-names.ts'
import { afterPrefix, namesFromOrdered, orderedNames } from './ordered-text.ts'
import type { RedisLink } from './redis-link.ts'

const mostAtOnce = 1_000

/** Resolves with at most `limit` keys below `below`, after the key `after`. */
export async function listKeys(
  link: RedisLink,
  prefix: string,
  below: StoreKey,
  { after, limit }: { readonly after: StoreKey | undefined; readonly limit: number },
): Promise<StoreKey[]> {
  const [tenant] = below
  const names = orderedNames(below)
  const to = names === '' ? '+' : `(${afterPrefix(names)}`
  let from = names === '' ? '-' : `(${names}`
  if (after !== undefined && compareStoreKeys(after, below) > 0) {
    if (!isBelowStoreKey(after, below)) return []
    from = `(${orderedNames(after)}`
  }
  const found: StoreKey[] = []
  for (;;) {
    const count = Math.min(mostAtOnce, limit - found.length)
    const command = ['ZRANGEBYLEX', keySetName(prefix, tenant), from, to, 'LIMIT', '0', String(count)]
    const page = (await link.read('listing keys', command)) as readonly string[]
    for (const one of page) found.push([tenant, ...namesFromOrdered(one)])
    if (page.length < count || found.length >= limit) return found
    from = `(${page.at(-1)}`
  }
}
