import type { ExitReason } from '@beamclaw/actor'
import { describe, expect, test } from 'vitest'
import type { RunningBeamClaw } from '../running-beamclaw.ts'
import { FunctionModel, stage } from '../testing/model.ts'

const key = 'agent:main:main'

const calls: readonly (readonly [string, (claw: RunningBeamClaw) => Promise<unknown>])[] = [
  ['sessions()', (claw) => claw.sessions()],
  ['the sessions of a tenant', (claw) => claw.tenant('default').sessions()],
  ['exists()', (claw) => claw.session(key).exists()],
  ['exists() of a session that is not there', (claw) => claw.session('other').exists()],
  ['delete()', (claw) => claw.session(key).delete()],
  ['delete() of a session that is not there', (claw) => claw.session('other').delete()],
  ['history()', (claw) => claw.session(key).history()],
  ['history() of a session that is not there', (claw) => claw.session('other').history()],
  ['export()', (claw) => claw.session(key).export()],
  ['configure()', (claw) => claw.session(key).configure({ label: 'x' })],
  ['import()', (claw) => claw.session('other').import([{ role: 'user', content: 'x' }])],
  ['rewind()', (claw) => claw.session(key).rewind(0)],
  ['fork()', (claw) => claw.session(key).fork('agent:main:fork')],
  ['inspect()', (claw) => claw.session(key).inspect()],
  ['deadLetters()', (claw) => claw.session(key).deadLetters()],
  ['abort()', (claw) => claw.session(key).abort()],
  ['send()', (claw) => claw.session(key).send('x').accepted],
  ['redrive()', (claw) => claw.session(key).redrive('one').accepted],
  ['follow()', (claw) => claw.session(key).follow('one').accepted],
  ['subscribe()', (claw) => claw.session(key).subscribe()[Symbol.asyncIterator]().next()],
  ['generate()', (claw) => claw.generate('test/model', 'x')],
  ['resume()', (claw) => claw.resume()],
]

describe.each<[string, (claw: RunningBeamClaw) => unknown, ExitReason['type']]>([
  ['kill()', (claw) => claw.kill(), 'killed'],
  ['stop()', (claw) => claw.stop(), 'shutdown'],
])('after %s', (_, end, type) => {
  test('`ended` tells the reason', async () => {
    const { claw } = await stage(new FunctionModel(() => ({ text: 'fine' })))
    await end(claw)
    expect(await claw.ended).toEqual({ type })
  })

  test.each(calls)('%s rejects with actor-not-running', async (_call, call) => {
    const { claw } = await stage(new FunctionModel(() => ({ text: 'fine' })))
    await claw.session(key).send('hi', { idempotencyKey: 'one' }).result()
    await end(claw)
    await claw.ended
    await expect(call(claw)).rejects.toMatchObject({ code: 'actor-not-running' })
  })
})
