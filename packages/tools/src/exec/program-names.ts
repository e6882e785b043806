/** Names of programs and builtins by what they do with their arguments: one list for what a grant may cover, and for the scripts that a plan shows. */

/** Returns the words of a text. */
export function wordsOf(text: string): readonly string[] {
  return text.trim().split(/\s+/)
}

/**
 * Words that the shell itself acts on. `echo`, `true`, `false` and `pwd` are left out: as a builtin they do what the program of that name does. `test` and
 * `printf` are in: in some shells they evaluate text in their arguments.
 */
export const builtinNames: readonly string[] = wordsOf(`
. : [ [[ alias bg bind break builtin caller case cd chdir command compgen complete compopt continue coproc declare dirs disown do done elif
else enable esac eval exec exit export fc fg fi for function getopts hash help history if in jobs kill let local logout mapfile newgrp popd
printf pushd read readarray readonly return select set shift shopt source suspend test then time times trap type typeset ulimit umask
unalias unset until wait while
`)

/** Shells, and programs that hold many. */
export const shellNames: readonly string[] = wordsOf(`
sh ash bash rbash dash zsh ksh mksh oksh fish csh tcsh yash elvish nu pwsh rc es xonsh busybox toybox coreutils uutils git-shell rssh
scponly
`)

/** Programs that run the command in their arguments. */
export const wrapperNames: readonly string[] = wordsOf(`
env xargs parallel nohup nice timeout time sudo doas su sg newgrp runuser pkexec setpriv capsh chroot unshare nsenter bwrap firejail stdbuf
setsid script unbuffer rlwrap watch entr flock ionice chrt choom taskset uclampset numactl prlimit cpulimit softlimit fakeroot fakechroot
proot faketime eatmydata torsocks proxychains setarch linux32 linux64 systemd machinectl systemctl service start-stop-daemon
daemonize deb-systemd-invoke screen tmux dtach abduco at batch crontab run-parts strace ltrace catchsegv ld ldd sotruss
memusage heaptrack perf valgrind hyperfine timelimit chpst dbus ip agetty logsave not debconf msgexec
msgfilter pg_virtualenv find fd fdfind npx pnpx bunx uvx uv pipx poetry bundle corepack xdg-open sensible-browser
`)

/** Programs that run a file or a text of their language, and builders whose recipes are commands. */
export const interpreterNames: readonly string[] = wordsOf(`
python pypy ipython node nodejs deno bun tsx ts-node perl raku ruby irb jruby php lua luajit tclsh wish expect guile racket scheme sbcl
clisp ghc ghci runghc runhaskell ocaml erl escript elixir iex mix java jrunscript jshell groovy kotlin scala clojure dotnet mono csi Rscript
R octave julia gnuplot osascript qjs awk gawk mawk nawk original-awk sed yq m4 dc lli gdb gdbtui lldb make gmake prove pdb pydoc cpan
`)

/** Editors: their scripts and settings have commands that run programs. */
export const editorNames: readonly string[] = wordsOf(`
vi vim vimdiff nvim view ex rvim emacs emacsclient nano pico ed red joe micro helix hx sensible-editor editor visudo vipw
`)

/** Pagers, viewers and clients of databases and other machines: they have commands that run programs, and their files are data. */
export const clientNames: readonly string[] = wordsOf(`
less more most pg man info pager sensible-pager code ssh sshpass autossh mosh scp sftp rsync rsh telnet ftp lftp nc ncat netcat socat
sqlite3 psql mysql mariadb mongo mongosh redis-cli
`)

/** Interpreters that find a module by a name without its extension. */
export const loaderNames: readonly string[] = wordsOf(
  'node nodejs deno bun tsx ts-node npx bunx uv python pypy ipython perl ruby jruby php lua luajit pdb pydoc',
)

const scripted = patternOf([...shellNames, ...wrapperNames, ...interpreterNames, ...editorNames])
const client = patternOf(clientNames)
const loader = patternOf(loaderNames)

/** Returns true for a program that runs files which its arguments name. A version may follow the name (`python3.12`, `vim.basic`). */
export function runsFiles(name: string): boolean {
  return scripted.test(name)
}

/** Returns true for a program that runs whatever its arguments or its input say, so that its name says nothing about what it does. */
export function runsAnything(name: string): boolean {
  return scripted.test(name) || client.test(name)
}

/** Returns true for an interpreter that finds a module by a name without its extension. */
export function findsModules(name: string): boolean {
  return loader.test(name)
}

function patternOf(names: readonly string[]): RegExp {
  return new RegExp(`^(?:${names.map((name) => name.replaceAll(/[.+]/g, '\\$&')).join('|')})(?:[-.\\d].*)?$`, 'i')
}
