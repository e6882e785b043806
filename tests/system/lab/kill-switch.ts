/**
 * Loaded before a program (`node --import`): its `FsStore` kills the process at the fault point that BEAMCLAW_FAULT names. The program and the
 * store are the ones that ship. Neither has a seam for drills, so the class of the store is patched.
 */

import type { AppendLog, LogEntry } from '@beamclaw/core'
import { wrapLog } from '@beamclaw/core/adapter'
import { FsStore } from '@beamclaw/store-fs'
import { type FaultPoint, parseFaultPoint } from './fault-point.ts'

const text = process.env.BEAMCLAW_FAULT
if (text !== undefined) arm(parseFaultPoint(text))

function arm(point: FaultPoint): void {
  const { openLog } = FsStore.prototype
  const indexOfDue = recordCounter(point)
  FsStore.prototype.openLog = async function (key, token) {
    return faultyLog(await openLog.call(this, key, token), point, indexOfDue)
  }
}

/** Returns the index of the record at which the process has to die, once: it counts over every log of the process. */
type IndexOfDue = (records: readonly LogEntry[]) => number | undefined

function recordCounter({ recordType, count }: FaultPoint): IndexOfDue {
  let seen = 0
  return (records) => {
    for (const [index, { type }] of records.entries()) {
      if (type === recordType && ++seen === count) return index
    }
    return undefined
  }
}

function faultyLog(log: AppendLog, { when }: FaultPoint, indexOfDue: IndexOfDue): AppendLog {
  return wrapLog(log, {
    append: async (records) => {
      const due = indexOfDue(records)
      if (due === undefined) return log.append(records)
      // A batch may break anywhere: what comes before the point is durable, and nothing behind it.
      const durable = records.slice(0, when === 'before' ? due : due + 1)
      if (durable.length > 0) await log.append(durable)
      // Nothing runs after this, not even what is on the stack.
      process.kill(process.pid, 'SIGKILL')
    },
  })
}
