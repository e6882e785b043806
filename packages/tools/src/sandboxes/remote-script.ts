/** The shell text that runs a command on another machine, and ends it with all its children. */
import { posix } from 'node:path'
import type { CommandLimits, CommandSignal } from '@beamclaw/core'
import { markName } from './group-tree.ts'

/** Returns the word in single quotes, which every POSIX shell reads as it is. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}

// A shell of ours stays beside the command, in a session of its own: it ends what is left of the command's group, and another process ends the group when
// the connection is lost, which the server tells no process. "started" and the rest go to the errors, each in a line with the mark.
// A shell starts what it does not wait for with SIGINT ignored; where `env` can, it is as usual again.
const runner = `
mark=$1 directory=$2 program=$3
shift 3
say() { printf '\\n%s %s %s %s\\n' "$mark" "$1" "$2" "$3" >&2; }
cd -- "$directory" 2>/dev/null || { say nowhere; exit 126; }
case $program in
  */*) [ -f "$program" ] && [ -x "$program" ] || { say missing; exit 127; } ;;
  *) command -v -- "$program" >/dev/null 2>&1 || { say missing; exit 127; } ;;
esac
end() {
  kill -s KILL -- "-$child"
  for round in 1 2 3; do
    found=$(grep -lzs -e "^${markName}=remote-$mark" /proc/[0-9]*/environ)
    [ -n "$found" ] || return
    for file in $found; do pid=\${file#/proc/}; kill -s KILL "\${pid%/environ}"; done
  done
}
defaults=
env --default-signal=INT true 2>/dev/null && defaults='env --default-signal=INT,QUIT'
exec 3<&0
setsid $defaults "$@" <&3 3<&- &
child=$!
{ while kill -0 "$PPID"; do sleep 1; done; end; } </dev/null >/dev/null 2>&1 3<&- &
guard=$!
exec 3<&- </dev/null >/dev/null
say started "$child" "$$"
exec 2>/dev/null
wait "$child"
code=$?
end
kill -s KILL "$guard"
exit "$code"
`

/** What is run on the other machine. */
export interface RemoteCommand {
  readonly mark: string
  readonly directory: string
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly limits: CommandLimits
}

/** Returns the text for the login shell of the other machine. */
export function remoteText({ mark, directory, argv, env, limits = {} }: RemoteCommand): string {
  const { cpuSeconds, memoryBytes, openFiles } = limits
  const bounds = [
    ...(cpuSeconds === undefined ? [] : [`ulimit -t ${cpuSeconds}`]),
    ...(memoryBytes === undefined ? [] : [`ulimit -d ${Math.max(1, Math.floor(memoryBytes / 1024))}`]),
    ...(openFiles === undefined ? [] : [`ulimit -n ${openFiles}`]),
  ]
  const script = [`PATH=${env.PATH ?? ''}`, ...bounds.map((bound) => `${bound} || exit 126`), runner].join('\n')
  const variables = Object.entries({ ...env, [markName]: `remote-${mark}` }).map(([name, value]) => `${name}=${value}`)
  const [program = ''] = argv
  // `env` takes a word with "=" for a variable; a program with one is run by its path.
  const words = [mark, directory, program, 'env', '-i', ...variables, ...programWords(argv)]
  return `exec /bin/sh -c ${[script, 'beamclaw', ...words].map(quoted).join(' ')}`
}

function programWords([program = '', ...args]: readonly string[]): readonly string[] {
  return program.includes('=') ? ['sh', '-c', 'exec "$0" "$@"', program, ...args] : [program, ...args]
}

/** Returns the text that signals the group of a command, as long as the shell beside it is the one with the mark. Exits with 0 when it was there. */
export function killText(mark: string, child: number, runnerPid: number, signal: CommandSignal): string {
  const words = `$(tr '\\0' ' ' </proc/${runnerPid}/cmdline 2>/dev/null || ps -o args= -p ${runnerPid})`
  const script = `case "${words}" in *${mark}*) kill -s ${signal.slice(3)} -- -${child} ;; *) exit 1 ;; esac`
  return `exec /bin/sh -c ${quoted(script)}`
}

/** Returns the directory of the other machine that a request names; undefined when its words lead out of the workspace. */
export function remoteDirectory(workspace: string, cwd: string): string | undefined {
  const root = posix.normalize(workspace)
  const directory = posix.resolve(root, cwd)
  const between = posix.relative(root, directory)
  return between === '..' || between.startsWith('../') ? undefined : directory
}
