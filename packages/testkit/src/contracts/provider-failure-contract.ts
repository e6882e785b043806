/** The part of the provider contract about calls that fail: typed errors that keep secrets, and free what the call held. */
import { inspect } from 'node:util'
import type { BeamClawError } from '@beamclaw/core'
import * as assert from './assert.ts'
import { ask, expectProviderError, hear, type ProviderTests, typesOf } from './provider-fixtures.ts'

export const failureTests: ProviderTests = {
  async 'a wrong key is no use trying again'(subject) {
    await subject.arrange({ type: 'fail', as: 'auth' })
    const { error } = await hear(ask(subject))
    expectProviderError(error, 'provider-auth')
    assert.equal((error as BeamClawError).isRetryable, false)
  },
  async 'too many calls, or a broken service, may be tried again'(subject) {
    for (const as of ['rate-limit', 'server'] as const) {
      await subject.arrange({ type: 'fail', as })
      const { error } = await hear(ask(subject))
      expectProviderError(error, `provider-${as}`)
      assert.equal((error as BeamClawError).isRetryable, true)
    }
  },
  async 'no error shows the key'(subject) {
    for (const as of ['auth', 'rate-limit', 'server'] as const) {
      await subject.arrange({ type: 'fail', as })
      const { error } = await hear(ask(subject))
      expectProviderError(error)
      assert.greater((error as BeamClawError).message.length, 0)
      const shown = inspect(error, { depth: 10, maxStringLength: null, maxArrayLength: null, showHidden: true })
      assert.isTrue(subject.secret === undefined || !shown.includes(subject.secret), `an error for "${as}" shows the key of the provider`)
    }
  },
  async 'after an error nothing more comes'(subject) {
    await subject.arrange({ type: 'break' })
    await subject.arrange({ type: 'text' })
    const parts = ask(subject)[Symbol.asyncIterator]()
    let error: unknown
    for (let count = 0; error === undefined; count++) {
      assert.atMost(count, 10_000, 'parts of an answer that breaks off')
      await parts.next().then(
        ({ done }) => assert.isTrue(done !== true, 'an answer that breaks off must not end without an error'),
        (thrown: unknown) => {
          error = thrown
        },
      )
    }
    expectProviderError(error)
    assert.equal((await parts.next()).done, true)
  },
  async 'a failed call frees its connection'(subject) {
    for (const behavior of [{ type: 'fail', as: 'server' }, { type: 'break' }, { type: 'fail', as: 'auth' }] as const) {
      await subject.arrange(behavior)
      expectProviderError((await hear(ask(subject))).error)
      await subject.idle?.()
    }
  },
  async 'an answer that breaks off is an error, not an end'(subject) {
    await subject.arrange({ type: 'break' })
    const { parts, error } = await hear(ask(subject))
    expectProviderError(error, 'provider-network', 'provider-protocol', 'provider-server', 'provider-timeout')
    assert.excludes(typesOf(parts), 'finish')
  },
  async 'a failed call does the next one no harm, and nothing is tried again behind the back'(subject) {
    await subject.arrange({ type: 'fail', as: 'server' })
    await subject.arrange({ type: 'text' })
    expectProviderError((await hear(ask(subject))).error)
    assert.equal((await hear(ask(subject))).error, undefined)
  },
}
