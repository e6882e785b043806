/** Names of programs and builtins by what they do with their arguments. */

/** Returns the words of a text. */
function wordsOf(text: string): readonly string[] {
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

/** Programs that run other programs, load code, or run what a file of the workspace says. A version may follow the name (`python3.12`, `vim.basic`). */
export const runnerNames: readonly string[] = [
  // Shells and what holds many programs.
  ...wordsOf(`
sh ash bash rbash dash zsh ksh mksh oksh fish csh tcsh yash elvish nu pwsh rc es xonsh busybox toybox coreutils uutils git-shell rssh
scponly
`),
  // Wrappers.
  ...wordsOf(`
env xargs parallel sudo doas su runuser pkexec setpriv capsh chroot unshare nsenter bwrap firejail stdbuf setsid script unbuffer expect
rlwrap watch entr flock ionice chrt taskset numactl prlimit cpulimit softlimit fakeroot fakechroot proot faketime eatmydata torsocks
proxychains setarch linux32 linux64 systemd machinectl systemctl start-stop-daemon daemonize screen tmux dtach abduco at batch crontab run-
parts strace ltrace gdb lldb perf valgrind catchsegv ld ld-linux ld.so hyperfine timelimit chpst dbus ip ssh sshpass autossh mosh scp sftp
rsync rsh telnet ftp lftp nc ncat netcat socat
`),
  // Interpreters.
  ...wordsOf(`
python pypy ipython node nodejs deno bun tsx ts-node perl raku ruby irb jruby php lua luajit tclsh wish guile racket scheme sbcl clisp ghc
runghc runhaskell ocaml erl escript elixir iex mix java jshell groovy kotlin scala clojure dotnet mono csi Rscript R octave julia gnuplot
osascript awk gawk mawk nawk original-awk yq m4 dc sqlite3 psql mysql mariadb mongo mongosh redis-cli
`),
  // Editors and pagers: they have commands that run programs.
  ...wordsOf(`
vi vim vimdiff nvim view ex rvim emacs emacsclient nano pico ed red joe micro helix hx code less more most pg man info pager sensible-editor
sensible-pager editor visudo vipw
`),
  // Builders and package managers: they run what files of the workspace say.
  ...wordsOf(`
npm npx pnpm pnpx yarn corepack bunx pip pipx uv uvx poetry conda gem bundle bundler rake cargo rustc rustup go make gmake bmake cmake ctest
ninja meson bazel gradle gradlew mvn ant composer turbo nx vitest jest tsc eslint apt apt-get dpkg rpm dnf yum pacman apk brew snap gcc g++
cc c++ clang clang++ cpp as tox nox just task scons direnv nix guix pre-commit husky docker podman nerdctl buildah kubectl helm terraform
ansible vagrant packer gh hub svn hg fossil
`),
  // Others with an option that runs a command or loads code.
  ...wordsOf(`
fd fdfind ag ack zip unzip 7z cpio ar openssl gpg gpg2 wget aria2c logrotate mail mutt sendmail convert magick ffmpeg tcpdump nmap install
split csplit time
`),
]
