/** Ends the commands of a host process that dies without a chance to do it itself: killed, or out of memory. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Writable } from 'node:stream'
import { markName } from './group-tree.ts'

// Reads "+ group" and "- group" lines. The end of the input is the end of the host: first the groups that are left, then what carries the mark.
// It takes no signal for the host's terminal, and has a session of its own.
const script = `
trap '' HUP INT TERM
groups=
while read -r op group; do
  case $op in
    +) groups="$groups $group" ;;
    -) rest=; for each in $groups; do [ "$each" = "$group" ] || rest="$rest $each"; done; groups=$rest ;;
  esac
done
for each in $groups; do kill -s KILL -- "-$each" 2>/dev/null; done
[ -d /proc/self ] || exit 0
for round in 1 2 3 4 5; do
  found=$(grep -lzs -e "^${markName}=$1" /proc/[0-9]*/environ)
  [ -n "$found" ] || exit 0
  for file in $found; do pid=\${file#/proc/}; kill -s KILL "\${pid%/environ}" 2>/dev/null; done
done
`

/**
 * Owns one small shell, started with the first command: no command pays for a wrapper, grandchildren end too, and it works where the kernel has no signal
 * for the death of a parent. One that was ended itself is started anew, and told of all that run.
 */
export class DeathWatch {
  readonly #mark: string
  readonly #groups = new Set<number>()
  #watcher: { readonly child: ChildProcess; readonly input: Writable } | undefined

  /** @param mark the beginning that the marks of all commands have in common */
  constructor(mark: string) {
    this.#mark = mark
  }

  /** Ends this group when the host dies. The line is in the pipe when it returns. */
  add(group: number): void {
    this.#groups.add(group)
    if (this.#watcher === undefined) this.#start()
    else this.#tell(`+ ${group}\n`)
  }

  /** The group is gone, and its id may be given away. */
  remove(group: number): void {
    this.#groups.delete(group)
    this.#tell(`- ${group}\n`)
  }

  #start(): void {
    const child = spawn('/bin/sh', ['-c', script, 'beamclaw-death-watch', this.#mark], {
      cwd: '/',
      env: { PATH: '/usr/bin:/bin' },
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    })
    const { stdin } = child
    const forget = (): void => {
      if (this.#watcher?.child === child) this.#watcher = undefined
    }
    child.once('error', forget).once('exit', forget)
    stdin.on('error', forget)
    // Neither keeps the host alive.
    child.unref()
    if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
    this.#watcher = { child, input: stdin }
    this.#tell([...this.#groups].map((group) => `+ ${group}\n`).join(''))
  }

  #tell(lines: string): void {
    this.#watcher?.input.write(lines)
  }
}
