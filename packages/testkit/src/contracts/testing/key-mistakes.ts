/** Planted mistakes of stores with keys and lists. */
import { BeamClawError, type StoreKey } from '@beamclaw/core'
import { compareStoreKeys } from '@beamclaw/core/adapter'
import type { StoreMistake, WrongRules } from './mistaken-store.ts'
import { correctRules as correct } from './store-rules.ts'

const names = (change: (name: string) => string): WrongRules => ({ nameOf: (key) => JSON.stringify(key.map(change)) })

const orderBy = (textOfKey: (key: StoreKey) => string): WrongRules => ({
  compareKeys: (a, b) => (textOfKey(a) < textOfKey(b) ? -1 : textOfKey(a) > textOfKey(b) ? 1 : compareStoreKeys(a, b)),
})

const throwing = (error: () => unknown): never => {
  throw error()
}

const listed = 'lists documents and logs below a prefix in code-unit order'
const literal = 'a prefix is compared part by part, and literally'
const pages = 'pages through everything exactly once'
const after = 'starts after keys that do not exist'
const most = 'lists at most 1000 keys unless told otherwise'
const leftOut = 'leaves out what was deleted, and what was never there'
const anyName = 'any name is a key of its own'
const parts = 'keys are told apart by their parts'
export const keyMistakes = {
  'lists ab for the prefix a': {
    caughtBy: literal,
    rules: {
      isBelow: (key, prefix) =>
        key.join('\0').startsWith(prefix.join('\0')) && key.length > prefix.length - 1 && key.join() !== prefix.join(),
    },
  },
  'takes * in a prefix for a pattern': {
    caughtBy: literal,
    rules: { isBelow: (key, prefix) => key.length > prefix.length && prefix.every((part, at) => part === '*' || part === key[at]) },
  },
  'takes % in a prefix for a pattern': {
    caughtBy: literal,
    rules: { isBelow: (key, prefix) => key.length > prefix.length && prefix.every((part, at) => part === '%' || part === key[at]) },
  },
  'takes _ in a prefix for any character': {
    caughtBy: literal,
    rules: {
      isBelow: (key, prefix) =>
        key.length > prefix.length &&
        prefix.every((part, at) => part === key[at] || (part === 'thing_' && key[at]?.startsWith('thing') === true)),
    },
  },
  'folds the prefix by case': {
    caughtBy: literal,
    rules: {
      isBelow: (key, prefix) => key.length > prefix.length && prefix.every((part, at) => part.toLowerCase() === key[at]?.toLowerCase()),
    },
  },
  'lists the prefix itself': { caughtBy: listed, rules: { isBelow: (key, prefix) => prefix.every((part, at) => part === key[at]) } },
  'lists one level only': {
    caughtBy: listed,
    rules: { isBelow: (key, prefix) => key.length === prefix.length + 1 && correct.isBelow(key, prefix) },
  },
  'does not list logs': { caughtBy: listed, rules: { isListed: ({ document }) => document !== undefined } },
  'does not list documents': { caughtBy: listed, rules: { isListed: ({ log }) => log !== undefined } },
  'lists a key twice that is a document and a log': {
    caughtBy: 'a log is no document',
    store: {
      list: async (call, ...args) => ((await call(...args)) as StoreKey[]).flatMap((key) => (key.at(-1) === 'main' ? [key, key] : [key])),
    },
  },
  'lists keys in the order they were put': { caughtBy: listed, rules: { compareKeys: () => 0 } },
  'lists keys in the order of a language': { caughtBy: listed, rules: { compareKeys: (a, b) => a.join().localeCompare(b.join()) } },
  'lists keys by code points': {
    caughtBy: listed,
    rules: { compareKeys: (a, b) => Buffer.compare(Buffer.from(a.join('\0')), Buffer.from(b.join('\0'))) },
  },
  'lists keys by their joined text': { caughtBy: listed, rules: orderBy((key) => key.join('/')) },
  'lists keys by their text without case': { caughtBy: listed, rules: orderBy((key) => key.join('\0').toLowerCase()) },
  'lists keys by the numbers in them': {
    caughtBy: listed,
    rules: { compareKeys: (a, b) => Number(a.at(-1)) - Number(b.at(-1)) || compareStoreKeys(a, b) },
  },
  'lists keys backwards': { caughtBy: listed, rules: { compareKeys: (a, b) => compareStoreKeys(b, a) } },
  'starts a page at the key and not after it': { caughtBy: pages, rules: { isAfter: (key, from) => compareStoreKeys(key, from) >= 0 } },
  'ignores where a page starts': { caughtBy: pages, rules: { isAfter: () => true } },
  'skips one key between two pages': {
    caughtBy: pages,
    rules: { isAfter: (key, from, all) => all.indexOf(key) > all.findIndex((other) => compareStoreKeys(other, from) === 0) + 1 },
  },
  'starts after keys only when they exist': {
    caughtBy: after,
    rules: { isAfter: (key, from, all) => all.indexOf(key) > all.findIndex((other) => compareStoreKeys(other, from) === 0) },
  },
  'compares the last name only with where a page starts': {
    caughtBy: after,
    rules: { isAfter: (key, from) => (key.at(-1) ?? '') > (from.at(-1) ?? '') },
  },
  'starts after everything below the key, too': {
    caughtBy: after,
    rules: { isAfter: (key, from) => compareStoreKeys(key, from) > 0 && !correct.isBelow(key, from) },
  },
  'ignores the limit of a page': { caughtBy: pages, rules: { page: (keys) => keys } },
  'lists one key more than the limit': { caughtBy: pages, rules: { page: (keys, limit = 1_000) => keys.slice(0, limit + 1) } },
  'lists without a limit by default': { caughtBy: most, rules: { page: (keys, limit) => keys.slice(0, limit) } },
  'lists 100 keys by default': { caughtBy: most, rules: { page: (keys, limit = 100) => keys.slice(0, limit) } },
  'never lists more than 1000 keys': { caughtBy: most, rules: { page: (keys, limit = 1_000) => keys.slice(0, Math.min(limit, 1_000)) } },
  'goes on listing what was deleted': {
    caughtBy: leftOut,
    rules: { remove: (_, _name, entry) => Object.assign(entry, { document: undefined }), isListed: () => true },
  },
  'lists the names on the way to a key': {
    caughtBy: leftOut,
    store: {
      async list(call, prefix, ...rest) {
        const keys = (await call(prefix, ...rest)) as StoreKey[]
        return keys.flatMap((key) => (key.length > prefix.length + 1 ? [key.slice(0, -1), key] : [key]))
      },
    },
  },
  'rejects a list of nothing': {
    caughtBy: leftOut,
    store: {
      async list(call, ...args) {
        const keys = (await call(...args)) as StoreKey[]
        return keys.length > 0 ? keys : throwing(() => new BeamClawError('store-io', 'nothing'))
      },
    },
  },
  'does not list a whole tenant': { caughtBy: leftOut, rules: { checkKey: (key) => correct.checkKey(key, 1) } },
  'hands out its own keys': { caughtBy: 'keys are copied on the way in and on the way out', rules: { listedKey: (key) => key } },
  'folds names by case': { caughtBy: anyName, rules: names((name) => name.toLowerCase()) },
  'normalises names': { caughtBy: anyName, rules: names((name) => name.normalize('NFC')) },
  'trims names': { caughtBy: anyName, rules: names((name) => name.trim()) },
  'cuts names after 255 characters': { caughtBy: anyName, rules: names((name) => name.slice(0, 255)) },
  'ends names at a NUL': { caughtBy: anyName, rules: names((name) => name.split('\0')[0] as string) },
  'replaces half surrogate pairs in names': { caughtBy: anyName, rules: names((name) => name.toWellFormed()) },
  'decodes % in names': { caughtBy: anyName, rules: names((name) => name.replace('%2e', '.')) },
  'takes . in a name for the folder': { caughtBy: parts, rules: { nameOf: (key) => JSON.stringify(key.filter((name) => name !== '.')) } },
  'drops line ends from names': { caughtBy: anyName, rules: names((name) => name.replaceAll('\n', ' ')) },
  'takes backslashes for slashes': { caughtBy: anyName, rules: names((name) => name.replaceAll('\\', '/')) },
  'refuses names of 512 characters': {
    caughtBy: anyName,
    rules: {
      checkKey: (key, least) => correct.checkKey(Array.isArray(key) ? (key.map((name) => `${name}x`) as unknown as StoreKey) : key, least),
    },
  },
  'joins names with a slash': { caughtBy: parts, rules: { nameOf: (key) => key.join('/') } },
  'joins names with a colon': { caughtBy: parts, rules: { nameOf: (key) => key.join(':') } },
  'joins names with a NUL': { caughtBy: parts, rules: { nameOf: (key) => key.join('\0') } },
  'joins names with nothing': { caughtBy: parts, rules: { nameOf: (key) => key.join('') } },
  'refuses a key of 8 names': {
    caughtBy: 'a key takes 1 to 8 names',
    rules: { checkKey: (key, least) => correct.checkKey(key?.length === 9 ? ([...key, 'more'] as unknown as StoreKey) : key, least) },
  },
  'keeps tenants together': { caughtBy: 'tenants do not see each other', rules: { nameOf: ([, ...rest]) => JSON.stringify(rest) } },
  'lists keys of every tenant': {
    caughtBy: 'tenants do not see each other',
    rules: { isBelow: (key, [, ...rest]) => key.length > rest.length + 1 && rest.every((part, at) => part === key[at + 1]) },
  },
  'finds tenants by how they begin': {
    caughtBy: 'tenants do not see each other',
    rules: { isBelow: (key, prefix) => key.length > prefix.length && prefix.every((part, at) => key[at]?.startsWith(part) === true) },
  },
  'deletes from every tenant': {
    caughtBy: 'tenants do not see each other',
    rules: {
      remove: ({ entries }, _, { key }) => {
        for (const [name, entry] of entries) if (entry.key.slice(1).join() === key.slice(1).join()) entries.delete(name)
      },
    },
  },
} as const satisfies Readonly<Record<string, StoreMistake>>
