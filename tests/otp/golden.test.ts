import { readFileSync } from 'node:fs'
import type { SupervisorOptions } from '@beamclaw/core'
import { describe, expect, test } from 'vitest'
import { differenceOf } from './difference.ts'
import { type GoldenCase, type GoldenSpec, play, startWith } from './trace-driver.ts'

interface Recording {
  readonly cases: readonly GoldenCase[]
  readonly invalidSpecs: readonly InvalidSpec[]
}

const recording = (file: string): Recording => JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'))

const { cases, invalidSpecs } = recording('./otp-traces.json')
const random = recording('./otp-random-traces.json').cases

const groups = Map.groupBy(cases, ({ name }) => name.split('/')[0] ?? '')

describe.each([...groups])('our supervisors do what those of OTP did: %s', (_group, golden) => {
  test.each(golden.map((one) => [one.name, one] as const))('%s', async (_name, { trace, final, ...rest }) => {
    const played = await play(rest)
    expect(played.trace).toEqual(trace)
    expect(played.final).toEqual(final)
  })
})

describe('our supervisors do what those of OTP did in random scripts', () => {
  test.each(random.map((one) => [one.name, one] as const))('%s', async (_name, golden) => {
    expect(await differenceOf(golden)).toBeUndefined()
  })
})

interface InvalidSpec {
  readonly name: string
  readonly via: 'start' | 'startChild'
  readonly supervisor: SupervisorOptions
  readonly children: readonly GoldenSpec[]
  readonly accepted: boolean
  readonly error?: string
}

// What OTP calls each fault, and our code for it.
const codes: Readonly<Record<string, string>> = {
  duplicate_child_name: 'duplicate-child-id',
  missing_id: 'child-spec-id',
  missing_start: 'child-spec-start',
  invalid_restart_type: 'child-spec-restart',
  invalid_child_type: 'child-spec-type',
  invalid_shutdown: 'child-spec-shutdown',
  invalid_significant: 'child-spec-significant',
  bad_combination: 'child-spec-significant',
  invalid_strategy: 'invalid-option',
  invalid_intensity: 'invalid-option',
  invalid_period: 'invalid-option',
  invalid_auto_shutdown: 'invalid-option',
}

// An option that nothing reads is a mistake that its author should hear of, in a child spec too.
const stricterThanOtp = new Set(['supervisor-unknown-key', 'unknown-key', 'unknown-key/startChild'])

describe('our supervisors refuse the specs that those of OTP refuse', () => {
  test.each(invalidSpecs.map((spec) => [spec.name, spec] as const))('%s', async (name, { via, supervisor, children, accepted, error }) => {
    const attempt = (): Promise<unknown> => startWith(supervisor, children, via)
    if (accepted && !stricterThanOtp.has(name)) await attempt()
    else await expect(attempt()).rejects.toMatchObject({ code: accepted ? 'invalid-option' : codes[error ?? ''] })
  })
})
