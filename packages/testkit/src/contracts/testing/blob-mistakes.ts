/** Planted mistakes of stores that keep blobs. */
import type { StoreMistake } from './mistaken-store.ts'

const named = 'a blob is named by the SHA-256 of its bytes, and comes back as it was'
const alone = 'a part of a larger buffer is stored alone'
const copied = 'the bytes of a call are copied, also while it is under way'
const again = 'a stream can be read again, and left'
const once = 'the same bytes again are one blob, also at the same time'
const listed = 'the list has every blob of the owner, in the order of their ids'
const absent = 'reads create nothing'
const owned = 'no owner and no tenant has the blobs of another'
const beside = 'blobs are no keys, and the log and the document of their owner are beside them'
const deleted = 'a deletion leaves none, and the owner may have new ones'
const shared = 'a shared blob is of both owners, and stays with one when the other deletes it'
const left = 'sharing leaves out what neither has, and does no harm twice'
const damaged = 'bytes that are not those of the name are never given as a whole'
const gone = 'a blob that is gone while it is read is told, and not cut short'
const refused = 'refuses what is no blob, no id and no key, and what is too large'
const ordered = 'calls for one owner take effect in call order'
const stopped = 'nothing is taken after the stop'

export const blobMistakes = {
  'gives a random name': { caughtBy: named, blobs: { put: (call, ...args) => call(...args).then(() => 'a'.repeat(64)) } },
  'gives the pieces in another order': { caughtBy: named, rules: { piecesOf: (bytes) => [bytes.slice(100), bytes.slice(0, 100)] } },
  'counts pieces as the size': {
    caughtBy: named,
    blobs: {
      read: async (call, ...args) => {
        const blob = (await call(...args)) as { readonly size: number } | undefined
        return blob && { ...blob, size: 1 }
      },
    },
  },
  'stores the buffer behind the bytes': {
    caughtBy: alone,
    blobs: { put: (call, owner, bytes) => call(owner, bytes instanceof Uint8Array ? new Uint8Array(bytes.buffer) : bytes) },
  },
  'copies the bytes late': {
    caughtBy: copied,
    blobs: {
      put: async (call, ...args) => {
        await Promise.resolve()
        return call(...args)
      },
    },
  },
  'gives the stored bytes themselves': { caughtBy: copied, rules: { piecesOf: (bytes) => [bytes] } },
  'gives a stream that can be read once': {
    caughtBy: again,
    blobs: {
      read: async (call, ...args) => {
        const blob = (await call(...args)) as { readonly bytes: AsyncIterable<Uint8Array> } | undefined
        const iterator = blob?.bytes[Symbol.asyncIterator]()
        return blob && { ...blob, bytes: { [Symbol.asyncIterator]: () => iterator } }
      },
    },
  },
  'lists a blob for each put': { caughtBy: once, rules: { listBlobs: (infos) => [...infos, ...infos] } },
  'lists blobs in the order in which they came': { caughtBy: listed, rules: { listBlobs: (infos) => infos.toReversed() } },
  'lists the first ten': { caughtBy: listed, rules: { listBlobs: (infos) => infos.slice(0, 10) } },
  'makes a blob by reading it': {
    caughtBy: absent,
    blobs: { read: async (call, ...args) => (await call(...args)) ?? { id: args[1], size: 0, bytes: [] } },
  },
  'keeps the blobs of all owners together': { caughtBy: owned, rules: { blobOwner: () => 'all' } },
  'knows an owner by its last name': { caughtBy: owned, rules: { blobOwner: (owner) => String(owner.at(-1)) } },
  'forgets the tenant of an owner': { caughtBy: owned, rules: { blobOwner: (owner) => owner.slice(1).join('/') } },
  'deletes the blobs with the log': { caughtBy: beside, rules: { areBlobsOfLog: true } },
  'keeps the blobs of a deletion': { caughtBy: deleted, rules: { deleteBlobs: () => {} } },
  'keeps one blob of a deletion': {
    caughtBy: deleted,
    rules: {
      deleteBlobs: ({ blobs }, owner) => {
        for (const id of [...(blobs.get(owner)?.keys() ?? [])].slice(1)) blobs.get(owner)?.delete(id)
      },
    },
  },
  'deletes a blob that another owner has': {
    caughtBy: shared,
    rules: {
      deleteBlobs: ({ blobs }, owner) => {
        for (const id of blobs.get(owner)?.keys() ?? []) for (const own of blobs.values()) own.delete(id)
      },
    },
  },
  'moves what it should share': {
    caughtBy: shared,
    rules: {
      afterShare: ({ blobs }, from, ids) => {
        for (const id of ids) blobs.get(from)?.delete(id)
      },
    },
  },
  'names what it could not share': { caughtBy: left, blobs: { share: (call, ...args) => call(...args).then(() => args[2]) } },
  'leaves out what the other owner has already': {
    caughtBy: left,
    rules: { isShareable: (ofSource) => ofSource },
  },
  'does not check the bytes of a name': { caughtBy: damaged, rules: { isGenuine: async () => true } },
  'gives nothing of a blob that is gone': { caughtBy: gone, rules: { goneBytes: () => new Uint8Array() } },
  'takes anything for a blob': { caughtBy: refused, blobs: { put: (call, owner, bytes) => call(owner, new Uint8Array(bytes)) } },
  'takes any id': {
    caughtBy: refused,
    blobs: { read: (call, owner, id) => (/^[0-9a-f]{64}$/.test(id) ? call(owner, id) : Promise.resolve(undefined)) },
  },
  'deletes while a write before it is under way': { caughtBy: ordered, rules: { blobTurn: (_, work) => work() } },
  'writes blobs after the stop': { caughtBy: stopped, rules: { isStopped: (method) => method !== 'blobs' } },
} as const satisfies Record<string, StoreMistake>
