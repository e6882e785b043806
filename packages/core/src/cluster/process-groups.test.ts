import { Actor, refuse, systemServices } from '@beamclaw/actor'
import { flushEventLoop, ManualClock } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { BeamClawError } from '../base/errors.ts'
import { parseTenantId } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'
import { SoloCluster } from '../defaults/solo-cluster.ts'
import { ProcessGroups } from './process-groups.ts'
import { SharedEntries } from './shared-entries.ts'
import { codeOf } from './testing/code-of.ts'

function scene() {
  const clock = new ManualClock()
  const logged: string[] = []
  const services = systemServices({ clock, logger: { log: (_level, event) => logged.push(event) } })
  const cluster = new SoloCluster()
  const tenant = parseTenantId('default')
  const entries = new SharedEntries({ tenant, table: 'groups', cluster, services })
  return { clock, logged, services, entries, groups: new ProcessGroups({ tenant, cluster, services, entries }) }
}

class Echo extends Actor<JsonValue, unknown> {
  readonly heard: JsonValue[] = []

  protected override handle(message: JsonValue): unknown {
    this.heard.push(message)
    if (message === 'refuse') return refuse(new BeamClawError('invalid-id', 'not this one'))
    if (message === 'crash') throw new Error('a secret')
    if (message === 'hang') return new Promise(() => {})
    return { echo: message }
  }
}

async function rejection(promise: Promise<unknown>): Promise<BeamClawError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!BeamClawError.isInstance(error)) throw new Error(`expected a BeamClawError, received ${String(error)}`)
  return error
}

describe('an actor in a group', () => {
  test('gets what is cast to all, to it, and called, as copies', async () => {
    const { groups, services } = scene()
    const [one, two] = [await new Echo().start(services), await new Echo().start(services)]
    groups.join('echoes', one)
    groups.join('echoes', two)
    const message = { list: [1] }
    expect(groups.cast('echoes', message)).toBe(2)
    message.list.push(2)
    await flushEventLoop()
    expect([one.heard, two.heard]).toEqual([[{ list: [1] }], [{ list: [1] }]])
    expect(one.heard[0]).not.toBe(two.heard[0])

    const [first] = groups.members('echoes')
    expect(first).toMatchObject({ node: 'solo', isLocal: true })
    first?.cast('only you')
    await flushEventLoop()
    expect([...one.heard, ...two.heard].filter((heard) => heard === 'only you')).toHaveLength(1)
    expect(await first?.call('hello')).toEqual({ echo: 'hello' })
    expect(await groups.call('echoes', 'anyone')).toEqual({ echo: 'anyone' })
  })

  test('leaves when it is told to, and when it ends', async () => {
    const { groups, services } = scene()
    const [one, two] = [await new Echo().start(services), await new Echo().start(services)]
    const leave = groups.join('echoes', one)
    groups.join('echoes', one)
    groups.join('echoes', two)
    leave()
    leave()
    expect(groups.members('echoes')).toHaveLength(2)
    one.kill()
    await flushEventLoop()
    const [rest] = groups.members('echoes')
    await two.stop()
    await flushEventLoop()
    expect(groups.members('echoes')).toEqual([])
    const error = await rejection(rest?.call('hello') as Promise<unknown>)
    expect([error.code, error.details.isUndelivered]).toEqual(['actor-not-running', true])
    expect(codeOf(() => rest?.cast('hello'))).toBe('nothing was thrown')
    expect(codeOf(() => groups.join('echoes', two))).toBe('actor-not-running')
  })

  test('has its own errors at the caller', async () => {
    const { clock, groups, services } = scene()
    groups.join('echoes', await new Echo().start(services))
    expect((await rejection(groups.call('echoes', 'refuse'))).code).toBe('invalid-id')
    const late = rejection(groups.call('echoes', 'hang', { timeoutMs: 50 }))
    await clock.advance(50)
    expect((await late).code).toBe('call-timeout')
  })

  test('that crashes fails its caller, and leaves', async () => {
    const { groups, services } = scene()
    groups.join('echoes', await new Echo().start(services))
    expect((await rejection(groups.call('echoes', 'crash'))).code).toBe('actor-crashed')
    await flushEventLoop()
    expect((await rejection(groups.call('echoes', 'hello'))).code).toBe('actor-not-running')
  })
})

describe('a handler in a group', () => {
  test('replies with what it returns, or resolves with, and with nothing', async () => {
    const { groups } = scene()
    const answers = new Map<unknown, unknown>([
      ['now', 1],
      ['later', Promise.resolve([2])],
    ])
    groups.join('handlers', { handle: (message) => answers.get(message) })
    expect([await groups.call('handlers', 'now'), await groups.call('handlers', 'later'), await groups.call('handlers', 'x')]).toEqual([
      1,
      [2],
      undefined,
    ])
  })

  test('that throws tells its error where it is a BeamClawError; the text of any other stays in the log', async () => {
    const { groups, logged } = scene()
    const errors = [new BeamClawError('overloaded', 'later'), new Error('a secret')]
    groups.join('handlers', {
      handle: () => {
        throw errors.shift()
      },
    })
    expect((await rejection(groups.call('handlers', 1))).code).toBe('overloaded')
    const other = await rejection(groups.call('handlers', 1))
    expect([other.code, other.message.includes('secret'), logged]).toEqual(['internal', false, ['groups.member-failed']])
    groups.cast('handlers', 1)
    await flushEventLoop()
    expect(logged).toEqual(['groups.member-failed', 'groups.member-failed'])
  })

  test('that hangs is given up after the time of its caller, and leaves no timer', async () => {
    const { clock, groups } = scene()
    let isHeld = true
    groups.join('handlers', { handle: () => (isHeld ? new Promise(() => {}) : 'done') })
    const late = rejection(groups.call('handlers', 1))
    await clock.advance(4_999)
    isHeld = false
    expect(await groups.call('handlers', 1)).toBe('done')
    await clock.advance(1)
    expect([(await late).code, clock.pendingTimers]).toEqual(['call-timeout', 0])
  })

  test('whose reply is no JSON fails its caller', async () => {
    const { groups } = scene()
    groups.join('handlers', { handle: () => new Date() })
    const error = await rejection(groups.call('handlers', 1))
    expect([error.code, error.message]).toEqual(['invalid-message', expect.stringContaining('reply is a Date')])
  })

  test('never runs within the call of its sender', async () => {
    const { groups } = scene()
    let calls = 0
    groups.join('handlers', { handle: () => calls++ })
    groups.cast('handlers', 1)
    const reply = groups.call('handlers', 1)
    expect(calls).toBe(0)
    await reply
    expect(calls).toBe(2)
  })
})

describe('members at other nodes', () => {
  /** Groups whose members are at nodes that answer as `answer` does. */
  function elsewhere(answer: (node: string) => Promise<JsonValue>) {
    const { services } = scene()
    const asked: string[] = []
    const list = () =>
      ['n1', 'n2'].map((node, id) => ({ topic: 'group', key: '-', meta: `m${id}`, id, node: { id: node, incarnation: node } }))
    const request = (node: { readonly id: string }): Promise<JsonValue> => {
      asked.push(node.id)
      return answer(node.id)
    }
    const options = { tenant: parseTenantId('default'), services, entries: { list }, cluster: { request } }
    return { asked, groups: new ProcessGroups(options as unknown as ConstructorParameters<typeof ProcessGroups>[0]) }
  }

  test('that are certain not to have had the message are passed over', async () => {
    for (let round = 0; round < 10; round++) {
      const { groups } = elsewhere(async (node) => {
        if (node === 'n2') return { value: 'yes' }
        throw new BeamClawError('node-gone', 'dead', { details: { isUndelivered: true } })
      })
      expect(await groups.call('group', 1)).toBe('yes')
    }
    const { asked, groups } = elsewhere(async () => {
      throw new BeamClawError('node-gone', 'dead', { details: { isUndelivered: true } })
    })
    expect((await rejection(groups.call('group', 1))).code).toBe('node-gone')
    expect(asked.toSorted()).toEqual(['n1', 'n2'])
  })

  test('that may have had it are the last ones that are asked', async () => {
    const { asked, groups } = elsewhere(async () => {
      throw new BeamClawError('node-gone', 'it died meanwhile')
    })
    expect((await rejection(groups.call('group', 1))).code).toBe('node-gone')
    expect(asked).toHaveLength(1)
  })
})

describe('bad input', () => {
  test.each<readonly [string, string, (groups: ProcessGroups) => unknown]>([
    ['a group without a name', 'invalid-option', (groups) => groups.join('', { handle: () => {} })],
    ['a group whose name is too long', 'invalid-option', (groups) => groups.members('g'.repeat(257))],
    ['a member that is none', 'invalid-option', (groups) => groups.join('group', {} as never)],
    ['a member that is nothing', 'invalid-option', (groups) => groups.join('group', undefined as never)],
    ['a message that is no JSON', 'invalid-message', (groups) => groups.cast('group', new Date() as never)],
    ['no message', 'invalid-message', (groups) => groups.cast('group', undefined as never)],
    ['a message that is too large', 'message-too-large', (groups) => groups.cast('group', 'x'.repeat(1_048_577))],
  ])('%s is %s', (_what, code, act) => {
    const { groups } = scene()
    expect(codeOf(() => act(groups))).toBe(code)
  })

  test('is found before a group is looked for', async () => {
    const { groups } = scene()
    expect((await rejection(groups.call('group', 1, { timeoutMs: 0 }))).code).toBe('invalid-option')
    expect((await rejection(groups.call('group', (() => {}) as never))).code).toBe('invalid-message')
  })
})

test('what another node sends and this one cannot read is ignored, or refused', async () => {
  const { groups, logged } = scene()
  const heard: JsonValue[] = []
  groups.join('group', { handle: (message) => heard.push(message) })
  for (const body of [
    {},
    { group: 1, message: 1 },
    { group: 'group' },
    { group: 'group', member: 1, message: 1 },
    { group: 'other', message: 1 },
  ])
    groups.take(body as Parameters<ProcessGroups['take']>[0])
  await flushEventLoop()
  expect([heard, logged]).toEqual([[], []])
  expect((await rejection(groups.serve({ group: 'group', message: 1 }))).code).toBe('unknown-message')
  expect((await rejection(groups.serve({ group: 'group', member: 'gone', message: 1 }))).code).toBe('actor-not-running')
  const [member] = groups.members('group')
  expect(await groups.serve({ group: 'group', member: member?.id ?? '', message: 'hi' })).toEqual({ value: 1 })
  expect((await rejection(groups.serve({ group: 'group', member: member?.id ?? '', message: 'hi', timeoutMs: 'x' }))).code).toBe(
    'invalid-option',
  )
})

test('a message goes to one member alone, also when that fails with a message of its own that nobody had', async () => {
  const { groups } = scene()
  let handled = 0
  const nested = async (): Promise<unknown> => {
    handled++
    return groups.call('nobody', 'x')
  }
  for (let count = 0; count < 3; count++) groups.join('payers', { handle: nested })
  const error = await rejection(groups.call('payers', 'pay'))
  expect([handled, error.code, error.details.isUndelivered]).toEqual([1, 'actor-not-running', undefined])
})

test('a member that cannot be watched has not joined', () => {
  const { groups } = scene()
  const member = {
    isAlive: true,
    call() {},
    cast() {},
    monitor() {
      throw new Error('no')
    },
  }
  expect(() => groups.join('odd', member as never)).toThrow('no')
  expect(groups.members('odd')).toEqual([])
  const hostile = new Proxy(
    {},
    {
      get() {
        throw new Error('no')
      },
    },
  )
  expect(codeOf(() => groups.join('odd', hostile as never))).toBe('invalid-option')
})

test('no member handles anything once its BeamClaw has ended', async () => {
  const { groups } = scene()
  let handled = 0
  groups.join('workers', { handle: () => handled++ })
  const [member] = groups.members('workers')
  groups.stop()
  expect((await rejection(member?.call('work') ?? Promise.resolve())).code).toBe('actor-not-running')
  expect(handled).toBe(0)
})
