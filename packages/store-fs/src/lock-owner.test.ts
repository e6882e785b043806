import { describe, expect, test } from 'vitest'
import { type Claimant, judgeOwner, type LockOwner, parseOwner } from './lock-owner.ts'
import type { ProcessFacts } from './process-facts.ts'

const here = 'boot-1 pid:[1]'
const socket = { name: 'beamclaw-a', network: 'boot-1 net:[1]' }
const owner: LockOwner = { pid: 7, started: '100', host: here, socket, nonce: 'n' }
const running = (started: string | undefined): ProcessFacts => ({ state: 'running', started })

describe('the owner that a lock file names', () => {
  const without = { socket: undefined }
  const cases: readonly (readonly [string, Partial<LockOwner>, Partial<Claimant>, ProcessFacts, 'alive' | 'dead' | 'unsure'])[] = [
    ['holds no name that is free, whatever its pid says', {}, {}, running('100'), 'dead'],
    ['runs and holds another name: the lock file may be a copy', { socket: { ...socket, name: 'b' } }, {}, running('100'), 'unsure'],
    ['holds another name and is gone', { socket: { ...socket, name: 'b' } }, {}, { state: 'gone' }, 'dead'],
    ['listens in another network, and runs', { socket: { ...socket, network: 'other' } }, {}, running('100'), 'alive'],
    ['is gone', without, without, { state: 'gone' }, 'dead'],
    ['is a zombie', without, without, { state: 'zombie' }, 'dead'],
    ['is a later process with the same pid', without, without, running('101'), 'dead'],
    ['runs', without, without, running('100'), 'alive'],
    ['runs where start times are unknown', without, without, running(undefined), 'unsure'],
    ['did not say when it started', { ...without, started: undefined }, without, running('100'), 'unsure'],
    ['is in another container', { ...without, host: 'boot-1 pid:[2]' }, without, { state: 'gone' }, 'unsure'],
    ['is on another machine', { host: 'boot-2', socket: { ...socket, network: 'boot-2' } }, {}, { state: 'gone' }, 'unsure'],
  ]
  test.each(cases)('%s', (_what, its, mine, facts, verdict) => {
    expect(judgeOwner({ ...owner, ...its }, { host: here, socket, ...mine }, facts)).toBe(verdict)
  })

  test('is nobody where the text is not one that an owner writes', () => {
    for (const text of [
      '',
      '{',
      'null',
      '5',
      '{"pid":1}',
      '{"pid":-1,"host":"h","nonce":"n"}',
      '{"pid":"1","host":"h","nonce":"n"}',
      '{"pid":1,"host":"h","nonce":"n","socket":null}',
    ])
      expect(parseOwner(text)).toBeUndefined()
    expect(parseOwner(JSON.stringify(owner))).toEqual(owner)
  })
})
