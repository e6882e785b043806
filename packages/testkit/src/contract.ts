/** What the contract suites share: sections of named tests, and skips that must say why. */
import { afterEach, describe, test } from 'vitest'

/** Tests by name, each over a subject of its own. */
export type ContractTests<TSubject> = { readonly [name: string]: (subject: TSubject) => Promise<void> }

/** Tells why a section is left out, in words. */
export type ContractSkips<TSection extends string> = { readonly [K in TSection]?: string }

/** What the suite of a port is made of. */
export interface Contract<TSection extends string, TSubject> {
  /** The function that an adapter's author calls, for messages. */
  readonly suite: string
  /** For example `Ada keeps the EventBus contract`. */
  readonly title: string
  readonly sections: { readonly [K in TSection]: ContractTests<TSubject> }
  readonly make: () => TSubject | Promise<TSubject>
  /** Called after each test. */
  readonly dispose: (subject: TSubject) => Promise<void>
  readonly skip: ContractSkips<TSection>
}

/** Declares the tests of a contract. Throws when a section is skipped without a reason of at least ten characters. */
export function declareContract<TSection extends string, TSubject>(contract: Contract<TSection, TSubject>): void {
  const { suite, title, sections, make, dispose, skip } = contract
  describe(title, () => {
    const made: TSubject[] = []
    afterEach(async () => {
      for (const subject of made.splice(0)) await dispose(subject)
    })
    const declare = (tests: ContractTests<TSubject>): void => {
      for (const [name, run] of Object.entries(tests))
        test(name, async () => {
          const subject = await make()
          made.push(subject)
          await run(subject)
        })
    }
    for (const [section, tests] of Object.entries(sections) as [TSection, ContractTests<TSubject>][]) {
      const reason = skip[section]
      if (reason === undefined) describe(section, () => declare(tests))
      else if (reason.trim().length < 10) throw new Error(`${suite}: the reason to skip "${section}" must be written out`)
      else describe.skip(`${section}: ${reason}`, () => declare(tests))
    }
  })
}
