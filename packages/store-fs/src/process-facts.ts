/** The operating system's facts about processes, and about the namespaces in which pids and socket names have a meaning. */
import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { systemCode } from './failures.ts'

/** A process as another process sees it. `started` is undefined where the system does not report it. */
export type ProcessFacts = { readonly state: 'gone' | 'zombie' } | { readonly state: 'running'; readonly started: string | undefined }

/** Returns the facts about the process `pid` of this pid namespace. A zombie has ended: its parent has not read its exit code yet. */
export async function processFacts(pid: number): Promise<ProcessFacts> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (systemCode(error) !== 'EPERM') return { state: 'gone' }
  }
  const fields = await statFields(pid)
  if (fields === undefined) return { state: 'running', started: undefined }
  // proc_pid_stat(5): the state is the field after the name, the start time (in clock ticks since boot) the 20th after it.
  if (fields[0] === 'Z' || fields[0] === 'X') return { state: 'zombie' }
  return { state: 'running', started: fields[19] }
}

async function statFields(pid: number): Promise<readonly string[] | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may hold spaces and parentheses.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

/** Returns the name of this pid namespace: the boot of this machine, and the namespace's inode. */
export function pidNamespace(): Promise<string> {
  return namespaceOf('pid')
}

/** Returns the name of the network namespace in which an abstract socket name has a meaning. */
export function networkNamespace(): Promise<string> {
  return namespaceOf('net')
}

async function namespaceOf(kind: 'pid' | 'net'): Promise<string> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
    return `${boot.trim()} ${await readlink(`/proc/self/ns/${kind}`)}`
  } catch {
    return hostname()
  }
}
