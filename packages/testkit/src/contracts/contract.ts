/** The base of the contract suites: sections of named tests for any test runner, each with a deadline, and skips that need a reason. */
import { CallsUnderWay } from './calls-under-way.ts'

/** Tests by name, each over a subject of its own. The name is the promise that the test proves. */
export type ContractTests<TSubject> = { readonly [name: string]: (subject: TSubject) => Promise<void> }

/** Tells why a section is left out, in words. */
export type ContractSkips<TSection extends string> = { readonly [K in TSection]?: string }

/** The two functions of a test runner: those of vitest, of `node:test` and of `bun:test` fit. */
export interface TestRunner {
  readonly describe: (name: string, declare: () => void) => unknown
  readonly it: ((name: string, run: () => Promise<void>) => unknown) & {
    readonly skip: (name: string, run: () => Promise<void>) => unknown
  }
}

/** Options of every contract suite. */
export interface ContractOptions<TSection extends string> extends TestRunner {
  /** Sections that this adapter cannot pass, each with the reason in words. @default none */
  readonly skip?: ContractSkips<TSection>
  /** Milliseconds that one test may take; below the limit of your runner, so that the test can say what it waited for. @default 4000 */
  readonly deadlineMs?: number
}

/** Defaults for `ContractOptions`. */
const contractDefaults = { deadlineMs: 4_000 } as const

/** The definition of a port's suite. */
export interface Contract<TSection extends string, TSubject> {
  /** The function that an adapter's author calls, for messages. */
  readonly suite: string
  /** For example `Ada keeps the EventBus contract`. */
  readonly title: string
  readonly sections: { readonly [K in TSection]: ContractTests<TSubject> }
  readonly make: () => TSubject | Promise<TSubject>
  /** The adapters in a subject, whose calls under way are named when a test is not done in time. */
  readonly adapters: readonly (keyof TSubject & string)[]
  /** Called after each test. */
  readonly dispose: (subject: TSubject) => Promise<void>
  readonly options: ContractOptions<TSection>
}

/** Declares the tests of a contract. Throws when a section is skipped without a reason of at least ten characters, or there is no runner. */
export function declareContract<TSection extends string, TSubject>(contract: Contract<TSection, TSubject>): void {
  const { suite, title, sections, make, adapters, dispose, options } = contract
  const { describe, it, skip = {} as ContractSkips<TSection>, deadlineMs = contractDefaults.deadlineMs } = options
  if (typeof describe !== 'function' || typeof it !== 'function') {
    throw new Error(`${suite}: hand over \`describe\` and \`it\` of your test runner, for example: import { describe, it } from 'vitest'`)
  }
  const prove = async (name: string, run: (subject: TSubject) => Promise<void>): Promise<void> => {
    const calls = new CallsUnderWay()
    const made = await withDeadline(`${name} (making the subject of the test)`, deadlineMs, calls, async () => make())
    try {
      await withDeadline(name, deadlineMs, calls, () => run(calls.watchIn(made, adapters)))
    } finally {
      await withDeadline(`${name} (cleaning up after it)`, deadlineMs, calls, () => dispose(made))
    }
  }
  // Before anything is declared: a suite that throws half way takes the whole run down on some runners.
  for (const [section, reason] of Object.entries(skip) as [TSection, string][]) {
    if (reason.trim().length >= 10) continue
    throw new Error(`${suite}: the reason to skip "${section}" must be written out, in at least 10 characters, received "${reason}"`)
  }
  describe(title, () => {
    for (const [section, tests] of Object.entries(sections) as [TSection, ContractTests<TSubject>][]) {
      const reason = skip[section]
      describe(reason === undefined ? section : `${section}: ${reason}`, () => {
        for (const [name, run] of Object.entries(tests)) {
          const declare = reason === undefined ? it : it.skip
          declare(name, () => prove(name, run))
        }
      })
    }
  })
}

/** Rejects when the work takes longer, naming the promise: a call that never settles must not end as a bare time-out of the runner. */
async function withDeadline<T>(promise: string, deadlineMs: number, calls: CallsUnderWay, work: () => Promise<T>): Promise<T> {
  const expired = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => expired.reject(new Error(`Not proven within ${deadlineMs} ms, some call did not settle: ${promise}${calls.shown()}`)),
    deadlineMs,
  )
  try {
    return await Promise.race([work(), expired.promise])
  } finally {
    clearTimeout(timer)
  }
}
