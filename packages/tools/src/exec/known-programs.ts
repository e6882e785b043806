/**
 * Programs that a grant may cover: those of which it is known that they run no other program and no code, at least with the arguments that pass here. A
 * program that is not on the list may be approved, each time.
 */
import { isPlainGit } from './git-options.ts'
import { areNamed, optionNames } from './option-names.ts'
import { wordsOf } from './program-names.ts'

/** Returns true for arguments that a grant may cover. */
export type ArgumentCheck = (args: readonly string[]) => boolean

/** Programs that read or print, and start nothing whatever their arguments are, on Linux and macOS: `arch` of macOS runs its arguments. */
const readers = wordsOf(`
  [ b2sum base32 base64 basename basenc cat cksum cmp comm cut df dir dirname du echo egrep expand expr factor false fgrep fmt fold free
  grep groups head hexdump id join jq ls logname md5sum nl nproc numfmt od paste pathchk printenv printf ps pwd readlink realpath rev seq
  sha1sum sha224sum sha256sum sha384sum sha512sum sleep stat sum tac tail test tr true tsort tty uname unexpand uptime users vdir wc which
  which.debianutils who whoami`)

/** Programs that change files, those that their arguments name, and start nothing. */
const changers = wordsOf(`
  bunzip2 bzcat bzip2 chgrp chmod chown cp gunzip gzip link ln mkdir mktemp mv rm rmdir touch truncate unlink xz zcat`)

const findWords: ReadonlySet<string> = new Set(
  wordsOf(`
  -H -L -P -E -a -o -x -s -amin -and -anewer -atime -cmin -cnewer -ctime -daystart -depth -empty -executable -false -follow -gid -group -ilname
  -iname -inum -ipath -iregex -iwholename -links -lname -ls -maxdepth -mindepth -mmin -mount -mtime -name -newer -newermt -nogroup -not -nouser
  -or -path -perm -print -print0 -printf -prune -quit -readable -regex -regextype -samefile -size -true -type -uid -user -wholename -writable
  -xdev -xtype`),
)

/** Programs with options that run something or write to files: what is left is listed. */
const careful: Readonly<Record<string, ArgumentCheck>> = {
  git: isPlainGit,
  // `-exec` and its kind run commands, `-fprint` and its kind write, `-delete` removes. A value may be a number: `-mtime -7`.
  find: (args) => args.every((arg) => !arg.startsWith('-') || findWords.has(arg) || /^-\d+[a-zA-Z]?$/.test(arg)),
  // `--compress-program` runs a program, `-o` writes.
  sort: only(`
    -b -d -f -g -i -M -h -n -R -r -V -c -C -m -s -u -z -k: -t: -S: --ignore-leading-blanks --dictionary-order --ignore-case --general-numeric-sort
    --ignore-nonprinting --month-sort --human-numeric-sort --numeric-sort --random-sort --reverse --version-sort --sort --check --merge --stable
    --unique --zero-terminated --key --field-separator --buffer-size --parallel`),
  shuf: only('-e -n: -i: -r -z --echo --head-count --input-range --repeat --zero-terminated'),
  // A second file is written.
  uniq: (args) =>
    only('-c -d -D -i -u -z -f: -s: -w: --count --repeated --ignore-case --unique --zero-terminated')(args) && operands(args) < 2,
  // `--pre`, `--hostname-bin` and `-z` run programs.
  rg: only(`
    -A: -B: -C: -c -e: -E: -F -f: -g: -h -H -i -I -j: -l -L -m: -M: -n -N -o -p -P -q -r: -s -S -t: -T: -u -U -v -V -w -x -. -0 -a -b -d:
    --after-context --before-context --context --count --count-matches --regexp --encoding --fixed-strings --file --files --files-with-matches
    --files-without-match --glob --iglob --hidden --heading --no-heading --ignore-case --smart-case --case-sensitive --line-number
    --no-line-number --line-regexp --word-regexp --max-count --max-columns --max-depth --max-filesize --multiline --multiline-dotall --no-config
    --no-filename --with-filename --no-ignore --no-ignore-vcs --no-messages --null --null-data --only-matching --passthru --pcre2 --quiet
    --replace --json --sort --sortr --stats --column --color --vimgrep --text --follow --trim --threads --type --type-not --type-list
    --invert-match --unrestricted --crlf --version`),
  // A script of sed may write files (`w`) and run commands (`e`): lines are printed by number.
  sed: (args) => args[0] === '-n' && /^\d+(?:,(?:\d+|\$))?p$/.test(args[1] ?? '') && args.slice(2).every((arg) => !arg.startsWith('-')),
  // A name with a colon is a file of another machine, which a program brings.
  tar: (args) =>
    args.every((arg, index) =>
      index === 0 ? /^-?[ctxvzjJfpk]+$/.test(arg) : (!arg.startsWith('-') && !arg.includes(':')) || arg === '-C',
    ),
  // `-l` runs `pr`.
  diff: only(`
    -u -U: -c -C: -q -s -r -N -i -w -b -B -a -y -E -Z -t -T -p -d -W: -x: -I: -F: -# --brief --unified --context --recursive --new-file --ignore-case
    --ignore-all-space --ignore-space-change --ignore-blank-lines --ignore-trailing-space --text --side-by-side --width --color --exclude
    --report-identical-files --strip-trailing-cr --minimal --suppress-common-lines --no-dereference --label --normal`),
  // `-z` runs programs that unpack, `-C` writes, `-m` takes a description of types from a file.
  file: only(`-b -i -h -L -k -r -N -0 -F: --brief --mime --mime-type --mime-encoding --extension --no-dereference --dereference --keep-going
    --raw --separator`),
  // `-s`, and a number alone, set the clock.
  date: (args) =>
    only('-u -R -I: -d: -r: --utc --universal --rfc-email --rfc-3339 --iso-8601 --date --reference')(args) &&
    !args.some((arg) => /^[\d.]+$/.test(arg)),
  // `-o` writes. A letter with a value takes the next word, and more letters may follow it.
  tree: only(`
    -a -d -f -i -l -x -L -P -I -s -h -p -u -g -D -F -C -n -J -X -r -t -c -U -v -N -q -Q --dirsfirst --filesfirst --noreport --gitignore --prune --du
    --si --charset --filelimit --matchdirs --ignore-case --inodes --sort --timefmt`),
}

const always: ArgumentCheck = () => true

/** The programs, by the name of their file. */
export const knownPrograms: ReadonlyMap<string, ArgumentCheck> = new Map([
  ...[...readers, ...changers].map((name) => [name, always] as const),
  ...Object.entries(careful),
])

/** Names of the programs that are covered only with arguments that pass. */
export const carefulNames: readonly string[] = Object.keys(careful)

/** Programs that do the same under another name: git goes by its name only where that begins like its own. */
const otherNames: Readonly<Record<string, (name: string) => boolean>> = {
  git: (name) => !name.startsWith('git'),
  'which.debianutils': (name) => name === 'which',
}

/** Returns true when a program does under a name what its file's name says. One file may be several programs, told apart by the name. */
export function goesBy(file: string, name: string): boolean {
  return file === name || otherNames[file]?.(name) === true
}

function only(options: string): ArgumentCheck {
  const names = optionNames(options)
  return (args) => areNamed(args, names)
}

function operands(args: readonly string[]): number {
  const end = args.indexOf('--')
  return args.filter((arg, index) => arg === '-' || !arg.startsWith('-') || (end >= 0 && index > end)).length
}
