/** Proves that a contract catches what authors get wrong: each mistake is planted in a correct adapter, and a named test must fail on it. */
import { expect, test } from 'vitest'
import type { ContractOptions, TestRunner } from '../contract.ts'

/** The planted mistakes of an adapter, each with the name of the test that catches it. */
export type PlantedMistakes<TFlaw extends string> = Readonly<Record<TFlaw, string>>

/** Declares a contract over an adapter that has this flaw, or none. */
export type DeclareWith<TFlaw extends string> = (flaw: TFlaw | undefined, options: ContractOptions<never>) => void

const patientMs = 10_000
// The contract itself must end a hanging call.
const impatientMs = 400

type Tests = ReadonlyMap<string, () => Promise<void>>

/** The tests that a contract declares, by name. */
function testsOf(declare: (options: ContractOptions<never>) => void, deadlineMs: number): Tests {
  const tests = new Map<string, () => Promise<void>>()
  const it = Object.assign((name: string, run: () => Promise<void>): void => void tests.set(name, run), { skip: () => undefined })
  const runner: TestRunner = { describe: (_name, inside) => inside(), it }
  declare({ ...runner, deadlineMs })
  return tests
}

async function failureOf(tests: Tests, name: string): Promise<Error | undefined> {
  const run = tests.get(name)
  if (run === undefined) throw new Error(`the contract has no test "${name}"; it has:\n${[...tests.keys()].join('\n')}`)
  try {
    await run()
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

/** Declares a test for each mistake, and one that the adapter passes without. */
export function expectCaught<TFlaw extends string>(mistakes: PlantedMistakes<TFlaw>, declareWith: DeclareWith<TFlaw>): void {
  const planted = Object.entries(mistakes) as [TFlaw, string][]
  const correct = testsOf((options) => declareWith(undefined, options), patientMs)
  test.each([...new Set(planted.map(([, caughtBy]) => caughtBy))])('an adapter without mistakes passes: %s', async (name) => {
    expect(await failureOf(correct, name)).toBeUndefined()
  })
  test.each(planted)('one that %s, is caught by: %s', async (flaw, caughtBy) => {
    const tests = testsOf((options) => declareWith(flaw, options), impatientMs)
    // A mistake that depends on timing may go well once.
    for (let attempt = 0; attempt < 5; attempt++) if ((await failureOf(tests, caughtBy)) !== undefined) return
    expect.fail(`not caught by it; what catches it: ${(await catchersOf(flaw, declareWith)).join(', ') || 'nothing'}`)
  })
}

/** Returns the names of the tests that fail on an adapter with this flaw: what a new mistake is caught by. */
async function catchersOf<TFlaw extends string>(flaw: TFlaw, declareWith: DeclareWith<TFlaw>): Promise<readonly string[]> {
  const tests = testsOf((options) => declareWith(flaw, options), impatientMs)
  const catchers: string[] = []
  for (const name of tests.keys()) if ((await failureOf(tests, name)) !== undefined) catchers.push(name)
  return catchers
}
