/** Planted mistakes of stores with documents, keys and lists. Not covered: a write acknowledged before it is durable, which only a power cut reveals. */
import { BeamClawError, type JsonObject, type JsonValue } from '@beamclaw/core'
import { encodeJson } from '@beamclaw/core/adapter'
import type { StoreMistake, WrongRules } from './mistaken-store.ts'
import { correctRules as correct, turn } from './store-rules.ts'

const kept = (decode: (value: JsonValue) => unknown): WrongRules => ({
  decode: (json) => deeply(correct.decode(json), decode) as JsonValue,
})

function deeply(value: JsonValue, change: (value: JsonValue) => unknown): unknown {
  if (Array.isArray(value)) return change(value.map((item: JsonValue) => deeply(item, change)) as JsonValue)
  if (typeof value !== 'object' || value === null) return change(value)
  const entries = Object.entries(value as JsonObject).map(([name, item]) => [name, deeply(item as JsonValue, change)])
  return change(Object.fromEntries(entries) as JsonValue)
}

const textOf = (change: (text: string) => string): WrongRules => kept((value) => (typeof value === 'string' ? change(value) : value))

const numberOf = (change: (value: number) => number): WrongRules => kept((value) => (typeof value === 'number' ? change(value) : value))

const throwing = (error: () => unknown): never => {
  throw error()
}

const absent = 'a document that was never put is absent'
const comesBack = 'what was put comes back'
const versions = 'versions count from 1 and start again after a deletion'
const stale = 'an expected version that is stale rejects and changes nothing'
const notJson = 'refuses values that are not JSON, and stores nothing'
const notKeys = 'refuses keys that are not keys'
const options = 'refuses options that are out of range'

export const documentMistakes = {
  'gives null for a document that is not there': { caughtBy: absent, store: { get: async (call, key) => (await call(key)) ?? null } },
  'rejects a get of a document that is not there': {
    caughtBy: absent,
    store: { get: async (call, key) => (await call(key)) ?? throwing(() => new BeamClawError('store-io', 'none')) },
  },
  'says that it deleted what was not there': { caughtBy: absent, store: { delete: (call, ...args) => call(...args).then(() => true) } },
  'never says that it deleted something': { caughtBy: versions, store: { delete: (call, ...args) => call(...args).then(() => false) } },
  'resolves a put with nothing': { caughtBy: versions, store: { put: async (call, ...args) => void (await call(...args)) } },
  'resolves a put with the version before': {
    caughtBy: versions,
    store: { put: async (call, ...args) => ((await call(...args)) as number) - 1 },
  },
  'gives documents without their versions': {
    caughtBy: comesBack,
    store: { get: async (call, key) => ({ ...((await call(key)) as object | undefined), version: undefined }) },
  },
  'counts versions from 0': {
    caughtBy: versions,
    rules: { nextVersion: (current, { entries }, name) => (entries.has(name) ? current + 1 : 0) },
  },
  'never counts versions up': { caughtBy: versions, rules: { nextVersion: () => 1 } },
  'counts versions by 2': { caughtBy: versions, rules: { nextVersion: (current) => (current === 0 ? 1 : current + 2) } },
  'takes the time for a version': { caughtBy: versions, rules: { nextVersion: () => Date.now() } },
  'goes on with the versions after a deletion': {
    caughtBy: versions,
    rules: { nextVersion: (current, { deleted }, name) => (current || (deleted.get(name)?.document?.version ?? 0)) + 1 },
  },
  'merges a put into the document that is there': {
    caughtBy: 'a put replaces the whole document',
    store: {
      async put(call, key, value, ...rest) {
        const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
        const before = isObject && 'a' in value ? { b: 1 } : {}
        return await call(key, isObject ? { ...before, ...(value as JsonObject) } : value, ...rest)
      },
    },
  },
  'takes null for absent': {
    caughtBy: comesBack,
    store: { get: async (call, key) => ignoring(await call(key), (value) => value === null) },
  },
  'takes false, 0 and the empty text for absent': {
    caughtBy: comesBack,
    store: { get: async (call, key) => ignoring(await call(key), (value) => value === false || value === 0 || value === '') },
  },
  'makes null of the empty text': { caughtBy: comesBack, rules: kept((value) => (value === '' ? null : value)) },
  'trims texts': { caughtBy: comesBack, rules: textOf((text) => text.trim()) },
  'normalises texts': { caughtBy: comesBack, rules: textOf((text) => text.normalize('NFC')) },
  'ends texts at a NUL': { caughtBy: comesBack, rules: textOf((text) => text.split('\0')[0] as string) },
  'replaces half surrogate pairs in texts': { caughtBy: comesBack, rules: textOf((text) => text.toWellFormed()) },
  'keeps texts in one byte a character': { caughtBy: comesBack, rules: textOf((text) => Buffer.from(text, 'latin1').toString('latin1')) },
  'revives texts that look like dates': {
    caughtBy: comesBack,
    rules: kept((value) => (typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? new Date(value) : value)),
  },
  'keeps numbers in 32 bits': { caughtBy: comesBack, rules: numberOf((value) => (Number.isInteger(value) ? value | 0 : value)) },
  'keeps numbers as single floats': { caughtBy: comesBack, rules: numberOf(Math.fround) },
  'rounds numbers': { caughtBy: comesBack, rules: numberOf(Math.round) },
  'keeps numbers as texts': { caughtBy: comesBack, rules: kept((value) => (typeof value === 'number' ? String(value) : value)) },
  'keeps true and false as 1 and 0': { caughtBy: comesBack, rules: kept((value) => (typeof value === 'boolean' ? Number(value) : value)) },
  'makes objects of empty arrays': {
    caughtBy: comesBack,
    rules: kept((value) => (Array.isArray(value) && value.length === 0 ? {} : value)),
  },
  'makes arrays of empty objects': { caughtBy: comesBack, rules: kept((value) => (JSON.stringify(value) === '{}' ? [] : value)) },
  'unwraps arrays of one': { caughtBy: comesBack, rules: kept((value) => (Array.isArray(value) && value.length === 1 ? value[0] : value)) },
  'drops properties that are null': {
    caughtBy: comesBack,
    rules: { encode: (value) => (correct.encode(value) as string).replaceAll(/"\w+":null,?/g, '') },
  },
  'loses a property named __proto__': {
    caughtBy: 'awkward property names come back',
    rules: {
      decode: (json) => JSON.parse(json as string, (name, value: unknown) => (name === '__proto__' ? undefined : value)) as JsonValue,
    },
  },
  'sorts properties': {
    caughtBy: 'awkward property names come back',
    rules: kept((value) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
        : value,
    ),
  },
  'keeps properties that are undefined as null': {
    caughtBy: 'properties that are undefined are left out',
    rules: { encode: (value) => JSON.stringify(value, (_, item: unknown) => (item === undefined ? null : item)) },
  },
  'keeps the very object that was handed over': {
    caughtBy: 'values are copied on the way in and on the way out',
    rules: { encode: checked, decode: (value) => value as JsonValue },
  },
  'copies values on the way in only': {
    caughtBy: 'values are copied on the way in and on the way out',
    rules: { encode: (value) => JSON.parse(correct.encode(value) as string) as unknown, decode: (value) => value as JsonValue },
  },
  'copies values when it writes, and not when it is called': {
    caughtBy: 'values are copied on the way in and on the way out',
    store: {
      async put(call, key, value, ...rest) {
        await turn()
        return await call(key, value, ...rest)
      },
    },
  },
  'writes in any order': { caughtBy: 'writes of one key are taken in call order', rules: { queue: anyOrder() } },
  'counts versions of writes at once only once': {
    caughtBy: 'writes of one key are taken in call order',
    rules: { queue: turn, beforeWrite: turn },
  },
  'checks the version before it waits, and then writes': {
    caughtBy: 'of many writers with the same expectation one wins',
    rules: { queue: turn, beforeWrite: turn },
  },
  'ignores an expected version': { caughtBy: stale, rules: { isExpected: () => true } },
  'ignores an expected version of 0': {
    caughtBy: stale,
    rules: { isExpected: (expected, current) => expected === 0 || expected === current },
  },
  'takes any version that is lower': { caughtBy: stale, rules: { isExpected: (expected, current) => expected <= current } },
  'takes any version that is higher': { caughtBy: stale, rules: { isExpected: (expected, current) => expected >= current } },
  'ignores the expected version of a delete': {
    caughtBy: stale,
    store: { delete: (call, key) => call(key) },
  },
  'takes any expected version where no document is': {
    caughtBy: stale,
    rules: { isExpected: (expected, current) => current === 0 || expected === current },
  },
  'refuses an expected version of 0 for a new document': {
    caughtBy: 'an expected version that is right writes',
    rules: { isExpected: (expected, current) => expected !== 0 && expected === current },
  },
  'takes a log for a document when it expects none': {
    caughtBy: 'a log is no document',
    rules: { isExpected: (expected, current, entry) => expected === current && (expected > 0 || entry?.log === undefined) },
  },
  'resolves where the version is stale': {
    caughtBy: stale,
    store: {
      put: (call, ...args) =>
        call(...args).catch((error: BeamClawError) => (error.code === 'version-conflict' ? 0 : Promise.reject(error))),
    },
  },
  'rejects a stale version with a plain error': { caughtBy: stale, rules: { conflict: () => new Error('conflict') } },
  'rejects a stale version as store-io': { caughtBy: stale, rules: { conflict: () => new BeamClawError('store-io', 'conflict') } },
  'keeps undefined as null': { caughtBy: notJson, rules: { encode: (value) => correct.encode(value ?? null) } },
  'keeps NaN as null': { caughtBy: notJson, rules: { encode: (value) => (Number.isNaN(value) ? 'null' : correct.encode(value)) } },
  'keeps infinity as null': {
    caughtBy: notJson,
    rules: { encode: (value) => (value === Number.POSITIVE_INFINITY ? 'null' : correct.encode(value)) },
  },
  'throws what JSON.stringify throws': {
    caughtBy: notJson,
    rules: { encode: (value) => (value === undefined ? correct.encode(value) : JSON.stringify(value)) },
  },
  'takes functions and symbols for nothing': {
    caughtBy: notJson,
    rules: { encode: (value) => (typeof value === 'function' || typeof value === 'symbol' ? 'null' : correct.encode(value)) },
  },
  'keeps dates as texts': {
    caughtBy: notJson,
    rules: { encode: (value) => correct.encode(value instanceof Date ? value.toJSON() : value) },
  },
  'keeps maps as empty objects': { caughtBy: notJson, rules: { encode: (value) => correct.encode(value instanceof Map ? {} : value) } },
  'keeps values of any size': {
    caughtBy: 'refuses what is too large, and stores nothing',
    rules: { encode: (value) => encodeJson(value, Number.MAX_SAFE_INTEGER) },
  },
  'takes an empty name': { caughtBy: notKeys, rules: keysLike((part) => part === '') },
  'takes a number for a name': { caughtBy: notKeys, rules: keysLike((part) => typeof part === 'number') },
  'takes a name of 513 characters': { caughtBy: notKeys, rules: keysLike((part) => typeof part === 'string' && part.length === 513) },
  'takes a key of 9 names': {
    caughtBy: notKeys,
    rules: { checkKey: (key, least) => correct.checkKey(Array.isArray(key) ? (key.slice(0, 9) as never) : key, least) },
  },
  'takes a tenant alone for a key': { caughtBy: notKeys, rules: { checkKey: (key) => correct.checkKey(key, 0) } },
  'takes a text for a key': {
    caughtBy: notKeys,
    rules: { checkKey: (key, least) => void (typeof key === 'string' || correct.checkKey(key, least)) },
  },
  'refuses keys with a TypeError': {
    caughtBy: notKeys,
    rules: { checkKey: (key, least) => (key === undefined ? throwing(() => new TypeError('no key')) : correct.checkKey(key, least)) },
  },
  'throws where it should reject': {
    caughtBy: notKeys,
    store: {
      get(call, key) {
        correct.checkKey(key, 1)
        return call(key)
      },
    },
  },
  'takes an expected version below 0': { caughtBy: options, rules: wholeUnless((value) => value === -1) },
  'takes an expected version that is no whole number': { caughtBy: options, rules: wholeUnless((value) => value === 1.5) },
  'takes a text for an expected version': { caughtBy: options, rules: wholeUnless((value) => typeof value === 'string') },
  'takes a limit of 0': { caughtBy: options, rules: wholeUnless((value, name) => value === 0 && name === 'limit') },
} as const satisfies Readonly<Record<string, StoreMistake>>

/** The value itself, once it is known to be JSON. */
function checked(value: unknown): unknown {
  correct.encode(value)
  return value
}

function ignoring(document: unknown, isAbsent: (value: unknown) => boolean): unknown {
  return document !== undefined && isAbsent((document as { readonly value: unknown }).value) ? undefined : document
}

function keysLike(isTaken: (part: unknown) => boolean): WrongRules {
  return {
    checkKey: (key, least) =>
      correct.checkKey(Array.isArray(key) ? (key.map((part) => (isTaken(part) ? 'a' : part)) as never) : key, least),
  }
}

function wholeUnless(isTaken: (value: unknown, name: string) => boolean): WrongRules {
  return { checkWhole: (name, value, minimum) => void (isTaken(value, name) || correct.checkWhole(name, value, minimum)) }
}

/** Every second write overtakes the one before. */
function anyOrder(): (before: Promise<unknown>) => Promise<unknown> {
  let count = 0
  return () => new Promise((resolve) => setTimeout(resolve, count++ % 2 === 0 ? 6 : 0))
}
