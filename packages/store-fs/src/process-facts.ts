/** What the operating system says of processes and of the namespaces in which their names mean something. */
import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { systemCode } from './failures.ts'

/** A process as another one sees it. `started` is undefined where the system does not tell. */
export type ProcessFacts = { readonly state: 'gone' | 'zombie' } | { readonly state: 'running'; readonly started: string | undefined }

/** Returns what is known of the process `pid` of this pid namespace. A zombie has ended: nobody has asked for its exit code yet. */
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

/** Returns a name for where a pid means something: this boot of this machine, and the pid namespace. */
export function pidNamespace(): Promise<string> {
  return namespaceOf('pid')
}

/** Returns a name for where the name of an abstract socket means something. */
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
