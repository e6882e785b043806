/** The contract of the Sandbox port as a test suite: an adapter that passes it is a correct Sandbox. */
import type { JsonObject, Sandbox } from '@beamclaw/core'
import { type ContractOptions, declareContract } from './contract.ts'
import { changeTests } from './sandbox-change-contract.ts'
import { deathTests } from './sandbox-death-contract.ts'
import { isolationTests, limitTests } from './sandbox-limit-contract.ts'
import { prepareTests } from './sandbox-prepare-contract.ts'
import { runTests, terminalTests } from './sandbox-run-contract.ts'
import { signalTests } from './sandbox-signal-contract.ts'

/** A sandbox for one test. Its commands are those of POSIX: `sh`, `cat`, `sleep`, `mkfifo`. */
export interface SandboxUnderTest {
  readonly sandbox: Sandbox
  /** A directory of this host, without symbolic links in its path, that is the workspace of the commands; empty for each test. */
  readonly workspace: string
  /** Whether commands work in just that directory, and not in a copy. @default true */
  readonly isShared?: boolean
  /**
   * Starts the command by an equal sandbox in another process, resolves when the command has written its first output, and kills that process with SIGKILL.
   * Resolves with the identity of the command.
   */
  spawnInDoomedHost?(argv: readonly [string, ...string[]], isDetached: boolean): Promise<JsonObject>
  /** Called after the test. */
  dispose?(): Promise<void>
}

const sections = {
  prepare: prepareTests,
  run: runTests,
  change: changeTests,
  signal: signalTests,
  terminal: terminalTests,
  limits: limitTests,
  isolation: isolationTests,
  death: deathTests,
}

/** The sections of the suite, by the names that `skip` takes. */
export type SandboxContractSection = keyof typeof sections

/** Options of `sandboxContract`. */
export type SandboxContractOptions = ContractOptions<SandboxContractSection>

/**
 * Declares the contract of the Sandbox port as a suite of your test runner. `make` is called for each test.
 *
 * @example
 * sandboxContract('my sandbox', async () => ({ sandbox: new MySandbox(), workspace: await realpath(await mkdtemp('/tmp/w-')) }), { describe, it })
 */
export function sandboxContract(
  name: string,
  make: () => SandboxUnderTest | Promise<SandboxUnderTest>,
  options: SandboxContractOptions,
): void {
  declareContract<SandboxContractSection, SandboxUnderTest>({
    suite: 'sandboxContract',
    title: `${name} keeps the Sandbox contract`,
    sections,
    make,
    adapters: ['sandbox'],
    dispose: async (subject) => subject.dispose?.(),
    options,
  })
}
