/** What waits for the disk is bounded, also when it is many small things, or waits behind something else. */
import { BeamClawError } from '@beamclaw/core'
import { fencingToken, logRecords, range, storeKey } from '@beamclaw/testkit'
import { describe, expect, test } from 'vitest'
import { faultyFileSystem } from './testing/faulty-file-system.ts'
import { LogProcess, scratchDirectory } from './testing/scratch.ts'

const longKey = storeKey('sessions', 'a'.repeat(500), 'b'.repeat(500))
// Far more than fit into the bound, however little is in a record.
const manyAppends = 60_000

/** Logs over a disk that hangs from `hang` to `goOn`. */
function hangingDisk(path: string) {
  let gate: PromiseWithResolvers<void> | undefined
  const fileSystem = faultyFileSystem(async (name) => {
    if (name === 'datasync') await gate?.promise
  })
  const hang = (): void => {
    gate = Promise.withResolvers()
  }
  return { owner: new LogProcess(path, { fileSystem }), hang, goOn: () => gate?.resolve() }
}

type Outcomes = { readonly refused: BeamClawError[]; readonly settled: Promise<unknown> }

/** Calls `append` again and again, without waiting, until one is refused at once. */
async function appendUntilRefused(append: (seq: number) => Promise<void>, most = manyAppends): Promise<Outcomes> {
  const refused: BeamClawError[] = []
  const calls: Promise<void>[] = []
  for (const seq of range(1, most)) {
    calls.push(append(seq).catch((error: unknown) => void refused.push(error as BeamClawError)))
    if (seq % 500 === 0 || seq === most) await new Promise(setImmediate)
    if (refused.length > 0) break
  }
  return { refused, settled: Promise.all(calls) }
}

function expectOverloaded({ refused }: Outcomes): void {
  expect(refused.length).toBeGreaterThan(0)
  for (const error of refused) expect(BeamClawError.isInstance(error, 'overloaded') && error.isRetryable).toBe(true)
}

describe('while the disk hangs', () => {
  test('appends of next to nothing are refused when too many wait', async () => {
    await using scratch = await scratchDirectory('memory')
    const { owner, hang, goOn } = hangingDisk(scratch.path)
    const log = await owner.open(fencingToken(), longKey)
    hang()
    const outcomes = await appendUntilRefused((seq) => log.append(logRecords(seq)))
    expectOverloaded(outcomes)
    goOn()
    await outcomes.settled
    await owner.stop()
  })

  test('appends that wait behind a read count, and there is room for others when they are through', async () => {
    await using scratch = await scratchDirectory('memory')
    const { owner, hang, goOn } = hangingDisk(scratch.path)
    const [log, other] = [await owner.open(fencingToken(), longKey), await owner.open()]
    hang()
    const first = log.append(logRecords(1))
    const read = log.read()
    const outcomes = await appendUntilRefused((seq) => log.append(logRecords(seq + 1)))
    expectOverloaded(outcomes)
    await expect(other.append(logRecords(1, 1, 'x'.repeat(10_000)))).rejects.toMatchObject({ code: 'overloaded' })
    goOn()
    await Promise.all([first, read, outcomes.settled])
    await other.append(logRecords(1, 1, 'x'.repeat(10_000)))
    await owner.stop()
  })

  test('snapshots that wait behind a read count', async () => {
    await using scratch = await scratchDirectory('memory')
    const { owner, hang, goOn } = hangingDisk(scratch.path)
    const log = await owner.open()
    hang()
    const first = log.append(logRecords(1))
    const read = log.read()
    const state = 'x'.repeat(900_000)
    const outcomes = await appendUntilRefused(() => log.snapshot({ seq: 1, state }), 200)
    expectOverloaded(outcomes)
    goOn()
    await Promise.all([first, read, outcomes.settled])
    await owner.stop()
  })
})
