/** Ends the commands of a host process that dies without a chance to do it itself: killed, or out of memory. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Writable } from 'node:stream'
import { markName } from './group-tree.ts'

// Reads "+ group [container]" and "- group" lines. The end of the input is the end of the host: first the groups that are left, then what carries the mark.
// It takes no signal for the host's terminal, and has a session of its own.
const script = `
trap '' HUP INT TERM
groups= names=
while read -r op group name; do
  case $op in
    +) groups="$groups $group" names="$names $name" ;;
    -) rest=; for each in $groups; do [ "$each" = "$group" ] || rest="$rest $each"; done; groups=$rest ;;
  esac
done
for each in $groups; do kill -s KILL -- "-$each" 2>/dev/null; done
[ -z "$2" ] || [ -z "$names" ] || "$2" rm --force $names >/dev/null 2>&1 </dev/null
[ -d /proc/self ] || exit 0
for round in 1 2 3 4 5; do
  found=$(grep -lzs -e "^${markName}=$1" /proc/[0-9]*/environ)
  [ -n "$found" ] || exit 0
  for file in $found; do pid=\${file#/proc/}; kill -s KILL "\${pid%/environ}" 2>/dev/null; done
done
`

/** What removes containers, by the words `rm --force`. */
export interface ContainerRemover {
  readonly program: string
  readonly env: Readonly<Record<string, string>>
}

/**
 * Owns one small shell, started with the first command: no command pays for a wrapper, grandchildren end too, and it works where the kernel has no signal
 * for the death of a parent. One that was ended itself is started anew, and told of all that run.
 */
export class DeathWatch {
  readonly #mark: string
  readonly #remover: ContainerRemover | undefined
  readonly #groups = new Map<number, string>()
  #watcher: { readonly child: ChildProcess; readonly input: Writable } | undefined

  /** @param mark the beginning that the marks of all commands have in common */
  constructor(mark: string, remover?: ContainerRemover) {
    this.#mark = mark
    this.#remover = remover
  }

  /** Ends this group, and removes this container, when the host dies. The line is in the pipe when it returns. */
  add(group: number, container = ''): void {
    this.#groups.set(group, container)
    if (this.#watcher === undefined) this.#start()
    else this.#tell(`+ ${group} ${container}\n`)
  }

  /** The group is gone, and its id may be given away. */
  remove(group: number): void {
    this.#groups.delete(group)
    this.#tell(`- ${group}\n`)
  }

  /** Begins to watch; no effect while it does. */
  start(): void {
    if (this.#watcher === undefined) this.#start()
  }

  #start(): void {
    const child = spawn('/bin/sh', ['-c', script, 'beamclaw-death-watch', this.#mark, this.#remover?.program ?? ''], {
      cwd: '/',
      env: { PATH: '/usr/bin:/bin', ...this.#remover?.env },
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    })
    const { stdin } = child
    const forget = (): void => {
      if (this.#watcher?.child === child) this.#watcher = undefined
    }
    child.once('error', forget).once('exit', (_, signal) => {
      forget()
      // Without one, what runs now would go on when the host dies.
      if (signal !== null && this.#watcher === undefined && this.#groups.size > 0) this.#start()
    })
    stdin.on('error', forget)
    // Neither keeps the host alive.
    child.unref()
    if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
    this.#watcher = { child, input: stdin }
    this.#tell([...this.#groups].map(([group, container]) => `+ ${group} ${container}\n`).join(''))
  }

  #tell(lines: string): void {
    this.#watcher?.input.write(lines)
  }
}
