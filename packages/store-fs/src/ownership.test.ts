import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { BeamClawError, type LogContents } from '@beamclaw/core'
import { expectRejection, fencingToken, logRecords, range } from '@beamclaw/testkit'
import { describe, expect, test } from 'vitest'
import { nodeFileSystem } from './file-system.ts'
import { removeLog } from './open-log.ts'
import { faultyFileSystem, systemError } from './testing/faulty-file-system.ts'
import { LogProcess, scratchDirectory } from './testing/scratch.ts'

/** Returns whole numbers below `limit`, the same sequence for the same seed. */
function chance(seed: number): (limit: number) => number {
  let state = seed * 2_654_435_761
  return (limit) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0
    return state % limit
  }
}

describe('processes that share nothing but the directory', () => {
  test('a later process fences the handle of an earlier one, whose bytes no longer count', async () => {
    await using scratch = await scratchDirectory('memory')
    const [first, second] = [new LogProcess(scratch.path), new LogProcess(scratch.path)]
    const old = await first.open(fencingToken(1, 'a'))
    await old.append(logRecords(1, 3))
    const young = await second.open(fencingToken(2, 'b'))
    await young.append(logRecords(4))
    await expectRejection(old.append(logRecords(4, 9)), 'fenced')
    await expectRejection(old.read(), 'fenced')
    await expectRejection(first.open(fencingToken(1, 'a')), 'fenced')
    await young.append(logRecords(5))
    expect((await new LogProcess(scratch.path).open(fencingToken(2, 'b')).then((log) => log.read())).records).toEqual(logRecords(1, 5))
  })

  // What a later owner does while an earlier one stands still in the middle of a compaction, and what the log holds then.
  const overtakers: { readonly [name: string]: { run(path: string): Promise<void>; readonly left: LogContents } } = {
    'writes and compacts': {
      async run(path) {
        const owner = await new LogProcess(path).open(fencingToken(2))
        await owner.append(logRecords(5, 6))
        await owner.snapshot({ seq: 6, state: 'six' })
        await owner.append(logRecords(7))
        await owner.close()
      },
      left: { snapshot: { seq: 6, state: 'six' }, records: logRecords(7) },
    },
    'opens twice and compacts in the same place': {
      async run(path) {
        await (await new LogProcess(path).open(fencingToken(2))).close()
        const owner = await new LogProcess(path).open(fencingToken(2))
        await owner.append(logRecords(5))
        await owner.snapshot({ seq: 4, state: 'four' })
        await owner.close()
      },
      left: { snapshot: { seq: 4, state: 'four' }, records: logRecords(5) },
    },
    'deletes the log and starts another': {
      async run(path) {
        await removeLog(new LogProcess(path).directory)
        await mkdir(path, { recursive: true })
        const owner = await new LogProcess(path).open(fencingToken(1))
        await owner.append(logRecords(1))
        await owner.close()
      },
      left: { snapshot: undefined, records: logRecords(1) },
    },
  }
  for (const [name, overtaker] of Object.entries(overtakers)) {
    test(`a compaction rejects and harms nothing when a later owner ${name}, wherever it was stopped`, async () => {
      await using scratch = await scratchDirectory('memory')
      for (const stopAt of range(1, 36)) {
        const path = join(scratch.path, `${stopAt}`)
        await mkdir(path)
        let calls = Number.NEGATIVE_INFINITY
        let overtake: (() => Promise<void>) | undefined = () => overtaker.run(path)
        const stopped = async (): Promise<void> => {
          const run = overtake
          overtake = undefined
          await run?.()
        }
        const fileSystem = faultyFileSystem(async (call) => {
          calls += 1
          // Between a look at the own seal and a rename or unlink there is no wait: only a deletion that starts and ends in that
          // moment, with another log after it, could do harm.
          if (calls === stopAt && !(name.startsWith('deletes') && (call === 'rename' || call === 'unlink'))) await stopped()
        })
        const zombie = await new LogProcess(path, { fileSystem }).open(fencingToken(1))
        await zombie.append(logRecords(1, 2))
        await zombie.snapshot({ seq: 2, state: 'two' })
        await zombie.append(logRecords(3, 4))
        calls = 0
        const outcome = await zombie.snapshot({ seq: 4, state: 'four' }).then(
          () => 'resolved',
          (error: unknown) => (BeamClawError.isInstance(error) ? error.code : error),
        )
        await stopped()
        expect(['resolved', 'fenced', 'store-io']).toContain(outcome)
        await expectRejection(zombie.append(logRecords(5)), 'fenced', 'store-io')
        const log = await new LogProcess(path).open(fencingToken(3))
        expect(await log.read(), `stopped at call ${stopAt}`).toEqual(overtaker.left)
        await log.close()
      }
    })
  }

  test('a write that failed is not cut off once a later owner has read it', async () => {
    await using scratch = await scratchDirectory('memory')
    let later: Awaited<ReturnType<LogProcess['open']>> | undefined
    let isBroken = false
    const fileSystem = faultyFileSystem(async (call) => {
      if (!isBroken) return
      if (call === 'datasync') throw systemError('EIO')
      // Stopped between the failure and the cut; the next process takes over meanwhile.
      if (call === 'truncate') later ??= await new LogProcess(scratch.path).open(fencingToken(2))
    })
    const earlier = await new LogProcess(scratch.path, { fileSystem }).open(fencingToken(1))
    await earlier.append(logRecords(1, 2))
    isBroken = true
    await expectRejection(earlier.append(logRecords(3, 4)), 'store-io', 'fenced')
    expect((await later?.read())?.records).toEqual(logRecords(1, 4))
    await later?.append(logRecords(5))
    expect((await (await new LogProcess(scratch.path).open(fencingToken(3))).read()).records).toEqual(logRecords(1, 5))
  })

  test('an opening that was overtaken never takes the log back, wherever it was stopped', async () => {
    await using scratch = await scratchDirectory('memory')
    for (const stopAt of range(1, 40)) {
      const path = join(scratch.path, `${stopAt}`)
      await mkdir(path)
      const earliest = await new LogProcess(path).open(fencingToken(1))
      await earliest.append(logRecords(1, 3))
      let calls = 0
      let owner: Awaited<ReturnType<LogProcess['open']>> | undefined
      const fileSystem = faultyFileSystem(async () => {
        if (++calls !== stopAt) return
        // Twice: what the first opening leaves behind is removed by the second.
        await (await new LogProcess(path).open(fencingToken(3))).close()
        owner = await new LogProcess(path).open(fencingToken(3))
        await owner.append(logRecords(4, 5))
      })
      const outcome = await new LogProcess(path, { fileSystem }).open(fencingToken(2)).then(
        (log) =>
          log.append(logRecords(4)).then(
            () => 'wrote',
            (error: BeamClawError) => error.code,
          ),
        (error: BeamClawError) => error.code,
      )
      if (owner === undefined) {
        expect(outcome).toBe('wrote')
        continue
      }
      expect(['fenced', 'store-io', 'log-gap']).toContain(outcome)
      // The loser may have sealed the owner's segment before it noticed; then the owner opens again, and has lost nothing.
      const acknowledged = await owner.append(logRecords(6)).then(
        () => 6,
        () => 5,
      )
      const { records } = await (await new LogProcess(path).open(fencingToken(3))).read()
      expect(records.length).toBeGreaterThanOrEqual(acknowledged)
      expect(records).toEqual(logRecords(1, records.length))
    }
  })

  // Between the look at the own segment and the new name of the manifest: what seals the segment then has not seen the manifest.
  test.each(['an opening of a new log', 'an opening', 'a compaction'])(
    '%s whose segment is sealed just before its manifest has its name is fenced',
    async (what) => {
      await using scratch = await scratchDirectory('memory')
      let isArmed = false
      const fileSystem = faultyFileSystem(async (call, args) => {
        if (!isArmed || call !== 'rename' || !String(args[1]).includes('MANIFEST-')) return
        isArmed = false
        const process = new LogProcess(scratch.path)
        const { segments } = await process.directory.list()
        await nodeFileSystem.seal(process.directory.segment(segments.at(-1) ?? 0))
      })
      if (what !== 'an opening of a new log') await (await new LogProcess(scratch.path).open(fencingToken(1))).append(logRecords(1, 2))
      const zombie = new LogProcess(scratch.path, { fileSystem })
      isArmed = what !== 'a compaction'
      const opening = zombie.open(fencingToken(2))
      if (isArmed) return void (await expectRejection(opening, 'fenced'))
      const log = await opening
      isArmed = true
      await expectRejection(log.snapshot({ seq: 2, state: 'two' }), 'fenced')
    },
  )

  test('random openings, appends, compactions and stalls: nothing acknowledged is lost, nobody writes after a later owner', async () => {
    await using scratch = await scratchDirectory('memory')
    for (const seed of range(1, 12)) {
      const path = join(scratch.path, `${seed}`)
      await mkdir(path)
      const next = chance(seed)
      const fileSystem = faultyFileSystem(async () => {
        for (let turns = next(8) === 0 ? next(30) : 0; turns > 0; turns--) await new Promise(setImmediate)
      })
      const acknowledged = new Map<number, string>()
      let epoch = 0
      const processes = range(1, 4).map(async (process) => {
        for (const round of range(1, 6)) {
          try {
            const log = await new LogProcess(path, { fileSystem }).open(fencingToken(++epoch, `p${process}`))
            const { snapshot, records } = await log.read()
            let seq = Math.max(snapshot?.seq ?? 0, records.at(-1)?.seq ?? 0)
            for (const _ of range(1, 4 + next(6))) {
              const batch = logRecords(seq + 1, seq + 1 + next(3)).map((record) => ({ ...record, id: `${process}-${round}-${record.seq}` }))
              await log.append(batch)
              for (const record of batch) {
                expect(acknowledged.get(record.seq), `seq ${record.seq} was acknowledged to somebody else`).toBeUndefined()
                acknowledged.set(record.seq, record.id)
              }
              seq += batch.length
              if (next(4) === 0) await log.snapshot({ seq, state: { upTo: seq } })
            }
            await log.close()
          } catch (error) {
            if (!BeamClawError.isInstance(error) || (error.code !== 'fenced' && error.code !== 'store-io')) throw error
          }
        }
      })
      await Promise.all(processes)
      const { snapshot, records } = await (await new LogProcess(path).open(fencingToken(1_000))).read()
      const last = Math.max(snapshot?.seq ?? 0, records.at(-1)?.seq ?? 0)
      expect(last, `seed ${seed}`).toBeGreaterThanOrEqual(Math.max(0, ...acknowledged.keys()))
      for (const record of records) {
        const id = acknowledged.get(record.seq)
        if (id !== undefined) expect(record.id, `seed ${seed}, seq ${record.seq}`).toBe(id)
      }
    }
  })

  test('a directory that was deleted or replaced fences, also when the segment had been closed', async () => {
    await using scratch = await scratchDirectory('memory')
    for (const isClosed of [false, true]) {
      const path = join(scratch.path, `log-${isClosed}`)
      await mkdir(path)
      const old = new LogProcess(path)
      const log = await old.open()
      await log.append(logRecords(1))
      if (isClosed) await crowdOut(old, join(scratch.path, 'other'))
      await rename(path, join(scratch.path, 'moved'))
      await rm(join(scratch.path, 'moved'), { recursive: true })
      await mkdir(path)
      const fresh = await new LogProcess(path).open()
      await fresh.append(logRecords(1))
      await expectRejection(log.append(logRecords(2)), 'fenced')
      await fresh.append(logRecords(2))
    }
  })
})

/** Uses so many other files that the pool closes those of the log. */
async function crowdOut({ environment }: LogProcess, other: string): Promise<void> {
  const { pool, fileSystem } = environment
  for (const index of range(1, 6)) {
    await mkdir(`${other}${index}`, { recursive: true })
    const path = join(`${other}${index}`, 'file')
    const descriptor = await fileSystem.open(path, 'wx')
    await pool.adopt({ path, identity: fileSystem.identify(descriptor) }, descriptor)
  }
}
