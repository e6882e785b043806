/**
 * Preloaded, it makes a process one of the next version: the same source with a second format of records and a second version of frames, so that both versions
 * really run beside each other.
 */
import { registerHooks } from 'node:module'

const changes: readonly { readonly file: string; readonly from: string; readonly to: string }[] = [
  {
    file: '/core/src/session/journal/record-formats.ts',
    from: 'recordFormats: VersionRange = [1, 1]',
    to: 'recordFormats: VersionRange = [1, 2]',
  },
  { file: '/core/src/tenant/node-link.ts', from: 'wireVersions: VersionRange = [1, 1]', to: 'wireVersions: VersionRange = [1, 2]' },
]

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    const change = changes.find(({ file }) => url.endsWith(file))
    if (change === undefined) return loaded
    const source = String(loaded.source)
    if (!source.includes(change.from)) throw new Error(`${url} has no "${change.from}" any more: adapt the next version to it`)
    return { ...loaded, source: source.replace(change.from, change.to) }
  },
})
