/** Planted mistakes of stores with the owners of a log. */
import { BeamClawError } from '@beamclaw/core'
import type { StoreMistake, WrongRules } from './mistaken-store.ts'
import { correctRules as correct, refusal } from './store-rules.ts'

/** A handle that is broken, and still does this one thing. */
const stillDoes = (method: 'append' | 'read' | 'snapshot' | 'locate', code: 'fenced' | 'store-stopped'): WrongRules => ({
  isBroken: (asked, error) => asked !== method || error.code !== code,
})

const isCode = (error: unknown, code: string): boolean => (error as BeamClawError).code === code

const comesBack = 'records come back as they were, in order'
const fences = 'a later opening fences the handle before it'
const oldHandle = 'an old handle can do nothing, whatever it is asked first'
const lower = 'a lower epoch is refused, and does no harm'
const equal = 'an equal epoch with another nonce is refused'
const names = 'a refusal names the epoch that is in the way'
const wide = 'epochs are compared as whole numbers of any size'
export const ownerMistakes = {
  'lets an old handle append': { caughtBy: fences, rules: stillDoes('append', 'fenced') },
  'lets an old handle read': { caughtBy: fences, rules: stillDoes('read', 'fenced') },
  'lets an old handle compact': { caughtBy: oldHandle, rules: stillDoes('snapshot', 'fenced') },
  'fences an old handle only once it has written': {
    caughtBy: oldHandle,
    log: { snapshot: (call, snapshot) => call(snapshot).catch(() => undefined) },
  },
  'fences an old handle as store-stopped': {
    caughtBy: fences,
    rules: { fence: (owner) => owner.refuse(refusal('store-stopped', 'closed')) },
  },
  'takes the log from the new owner when the old one closes': {
    caughtBy: fences,
    rules: { onClosed: ({ owner }) => owner?.fence(refusal('fenced', 'closed')) },
  },
  'rejects the close of an old handle': {
    caughtBy: fences,
    log: { close: (call) => call().then(() => Promise.reject(refusal('fenced', 'closed'))) },
    rules: { onClosed: () => {} },
  },
  'refuses to open again with the same token': {
    caughtBy: 'the same token opens again, and fences its own handle',
    rules: { mayOpen: (recorded, token) => token.epoch > recorded.epoch },
  },
  'leaves both handles of the same token alive': {
    caughtBy: 'the same token opens again, and fences its own handle',
    rules: { fence: (owner, token) => void (token.epoch === 1 || correct.fence(owner, token)) },
  },
  'takes a lower epoch': { caughtBy: lower, rules: { mayOpen: () => true } },
  'fences the owner before it refuses a lower epoch': {
    caughtBy: lower,
    rules: { onRefused: ({ owner }) => owner?.fence(refusal('fenced', 'late', 1)) },
  },
  'forgets the epoch when the handle is closed': {
    caughtBy: lower,
    rules: {
      onClosed: (state, log) => {
        if (state.owner === log) state.token = { epoch: 0, nonce: '' }
      },
    },
  },
  'lowers the epoch when it refuses': {
    caughtBy: lower,
    rules: {
      onRefused: (state) => {
        state.token = { epoch: 0, nonce: '' }
      },
    },
  },
  'takes an equal epoch with any nonce': { caughtBy: equal, rules: { mayOpen: (recorded, token) => token.epoch >= recorded.epoch } },
  'takes the greater nonce of an equal epoch': {
    caughtBy: equal,
    rules: {
      mayOpen: (recorded, token) => token.epoch > recorded.epoch || (token.epoch === recorded.epoch && token.nonce >= recorded.nonce),
    },
  },
  'names no epoch when it refuses to open': {
    caughtBy: names,
    rules: { fenced: (epoch, at) => refusal('fenced', 'late', at === 'open' ? undefined : epoch) },
  },
  'names the epoch that was asked with': { caughtBy: names, rules: { fenced: (_, _at, asked) => refusal('fenced', 'late', asked) } },
  'names the epoch as a text': { caughtBy: names, rules: { fenced: (epoch) => refusal('fenced', 'late', String(epoch) as never) } },
  'names no epoch to an old handle': {
    caughtBy: names,
    rules: { fenced: (epoch, at) => refusal('fenced', 'late', at === 'handle' ? undefined : epoch) },
  },
  'names an epoch in the text only': { caughtBy: names, rules: { fenced: (epoch) => new BeamClawError('fenced', `epoch ${epoch}`) } },
  'keeps epochs in 32 bits': { caughtBy: wide, rules: { keptToken: ({ epoch, nonce }) => ({ epoch: epoch | 0, nonce }) } },
  'keeps epochs in 32 bits without a sign': { caughtBy: wide, rules: { keptToken: ({ epoch, nonce }) => ({ epoch: epoch >>> 0, nonce }) } },
  'keeps epochs as single floats': { caughtBy: wide, rules: { keptToken: ({ epoch, nonce }) => ({ epoch: Math.fround(epoch), nonce }) } },
  'compares epochs as texts': {
    caughtBy: wide,
    rules: { mayOpen: (recorded, token) => String(token.epoch) > String(recorded.epoch) || token.nonce === recorded.nonce },
  },
  'takes the next epoch only': { caughtBy: wide, rules: { mayOpen: (recorded, token) => token.epoch === recorded.epoch + 1 } },
  'acknowledges what was lost to a later owner': {
    caughtBy: 'what an old handle got acknowledged is there, whatever the moment it was fenced',
    log: {
      append: (call, records) => call(records).catch((error: unknown) => (isCode(error, 'fenced') ? undefined : Promise.reject(error))),
    },
  },
  'lets late appends of an old handle through': {
    caughtBy: 'of many openers at once one is left',
    rules: { isLate: () => false, isBroken: (method) => method !== 'append' },
  },
  'empties a log that is opened': {
    caughtBy: comesBack,
    rules: {
      onOpened: (state) => {
        state.records = []
      },
    },
  },
  'drops the last record of a log that is opened': {
    caughtBy: comesBack,
    rules: {
      onOpened: (state) => {
        state.records = state.records.slice(0, -1)
      },
    },
  },
} as const satisfies Readonly<Record<string, StoreMistake>>
