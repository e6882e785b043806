/** A program that takes the words of `docker` and writes them down; `run` runs the command in the workspace, as a process of this machine. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

// Each call is one line of words between NULs; a container is a file with the id of its process.
const script = (folder: string): string => `#!/bin/sh
folder='${folder}'
{ printf '%s\\0' "$@"; echo; } >>"$folder/calls"
env >"$folder/env-$1"
case $1 in
  version) [ ! -f "$folder/broken" ] || { echo 'Cannot connect to the daemon' >&2; exit 1; }; echo 28.0 ;;
  image) [ ! -f "$folder/empty" ] || { echo 'No such image' >&2; exit 1; } ;;
  kill) [ -f "$folder/$4" ] && read -r pid <"$folder/$4" && kill -s "\${3#SIG}" -- "-$pid" ;;
  rm) [ -f "$folder/$3" ] && read -r pid <"$folder/$3" && kill -s KILL -- "-$pid"; rm -f "$folder/$3" ;;
  ps) ;;
  run)
    while [ "$1" != -- ]; do
      case $1 in
        --name) name=$2 ;;
        --workdir) directory=$2 ;;
        --mount) mount=\${2#type=bind,source=}; workspace=\${mount%,target=/workspace} ;;
        --env) case $2 in *=*) export "$2" ;; esac ;;
      esac
      shift
    done
    shift 2
    cd "$workspace\${directory#/workspace}"
    echo $$ >"$folder/$name"
    command -v "$1" >/dev/null || exit 127
    exec "$@" ;;
esac
`

/** Makes the program in a folder; returns its path. */
export function makeFakeEngine(folder: string): string {
  const path = join(folder, 'engine')
  writeFileSync(path, script(folder))
  chmodSync(path, 0o755)
  return path
}

/** Returns the words of each call, those of probes included. */
export function callsOf(folder: string): readonly (readonly string[])[] {
  const lines = readFileSync(join(folder, 'calls'), 'utf8').split('\0\n')
  return lines.slice(0, -1).map((line) => line.split('\0'))
}
