import { describe, expect, test } from 'vitest'
import { type AskServer, primariesBySentinel, primariesBySlot } from './primary-search.ts'

const asked = [
  { host: 'a', port: 1 },
  { host: 'b', port: 2 },
  { host: 'c', port: 3 },
]
const sentinels =
  (answers: Readonly<Record<string, unknown>>): AskServer =>
  async ({ host }) => {
    if (answers[host] instanceof Error) throw answers[host]
    return answers[host]
  }
const master = (ip: string, epoch: number): string[] => ['name', 'ours', 'ip', ip, 'port', '6379', 'config-epoch', String(epoch)]

describe('Sentinels', () => {
  test('that disagree: the latest failover counts', async () => {
    const ask = sentinels({
      a: master('old', 1),
      b: Object.fromEntries([
        ['ip', 'new'],
        ['port', '6380'],
        ['config-epoch', '2'],
      ]),
      c: master('old', 1),
    })
    expect(await primariesBySentinel(asked, 'ours', ask)).toEqual([
      { host: 'new', port: 6_380 },
      { host: 'old', port: 6_379 },
    ])
  })

  test('that are away do not hide the one that knows', async () => {
    const ask = sentinels({ a: new Error('connect ECONNREFUSED'), b: new Error('ERR No such master with that name'), c: master('here', 1) })
    expect(await primariesBySentinel(asked, 'ours', ask)).toEqual([{ host: 'here', port: 6_379 }])
  })

  test('of which none knows: what one said is told, and a refused login stays one', async () => {
    const none = sentinels({ a: new Error('x'), b: new Error('y'), c: new Error('ERR No such master with that name') })
    await expect(primariesBySentinel(asked, 'ours', none)).rejects.toThrow('no Sentinel knows the primary "ours": ERR No such master')
    const refused = sentinels({ a: new Error('x'), b: [], c: new Error('NOAUTH Authentication required.') })
    const refusal = { name: 'SentinelRefusal', where: 'c:3', message: expect.stringMatching(/^NOAUTH/) }
    await expect(primariesBySentinel(asked, 'ours', refused)).rejects.toMatchObject(refusal)
    for (const odd of [null, 7, 'text', [], ['ip'], { ip: 'a' }, ['ip', '', 'port', '1']]) {
      await expect(primariesBySentinel(asked, 'ours', async () => odd)).rejects.toThrow('no Sentinel knows')
    }
  })
})

describe('the servers of a Redis Cluster', () => {
  const nodes = [
    'id1 10.0.0.1:7000@17000,one.example myself,master - 0 0 3 connected 0-5460',
    'id2 10.0.0.2:7001@17001 slave id1 0 0 3 connected',
    'id3 [::1]:7002@17002 master,fail - 0 0 1 connected 5461-10922',
    'id4 :7003@17003 master - 0 0 7 connected 5461-10922 [93-<-id1]',
    'id5 10.0.0.5:7004@17004 master - 0 0 5 connected 16383',
  ].join('\n')
  const ask =
    (slot: number, text = nodes): AskServer =>
    async (_, [, what]) =>
      what === 'KEYSLOT' ? slot : text

  test.each([
    [0, { host: '10.0.0.1', port: 7_000 }],
    [5_460, { host: '10.0.0.1', port: 7_000 }],
    [16_383, { host: '10.0.0.5', port: 7_004 }],
    [6_000, { host: 'a', port: 7_003 }],
  ])('name the primary of slot %i, and none that has failed', async (slot, primary) => {
    expect((await primariesBySlot(asked, 'key', ask(slot)))[0]).toEqual(primary)
  })

  test('that know no primary of the slot say so', async () => {
    await expect(primariesBySlot(asked, 'key', ask(12_000))).rejects.toThrow('no server of the Redis Cluster knows')
    await expect(primariesBySlot(asked, 'key', ask(1, 'nonsense'))).rejects.toThrow('no server of the Redis Cluster knows')
  })

  test('of which one has not heard of a failover yet: the later configuration counts', async () => {
    const old = 'id1 10.0.0.1:7000@17000 master - 0 0 3 connected 0-16383'
    const later = 'id2 10.0.0.2:7001@17001 master - 0 0 4 connected 0-16383'
    const mixed: AskServer = async ({ host }, [, what]) => (what === 'KEYSLOT' ? 1 : host === 'b' ? later : old)
    expect(await primariesBySlot(asked, 'key', mixed)).toEqual([
      { host: '10.0.0.2', port: 7_001 },
      { host: '10.0.0.1', port: 7_000 },
    ])
  })
})
