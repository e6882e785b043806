/**
 * What a grant of git may cover: subcommands that are no alias, with options that name no program, open no editor, ask no questions and check no signature.
 * Git trusts its repository: hooks and programs of its settings run, so a grant of git trusts them too.
 */
import { areNamed, givenOptions, type OptionNames, optionNames } from './option-names.ts'

/** What a subcommand may be called with. */
interface GitCommand {
  readonly options: OptionNames
  /** At least one of these has to be there: without it an editor would open. */
  readonly needs?: readonly string[]
  /** The first word is a remote: `origin`, for git takes a name that it does not know for a folder, which brings hooks of its own. */
  readonly isRemote?: boolean
}

const diff = `
  -p -s -u -U: -M: -C: -B: -D -R -w -b -a -q -z -W --patch --no-patch --unified --raw --stat --shortstat --numstat --dirstat --summary --name-only
  --name-status --compact-summary --patch-with-stat --check --cached --staged --ignore-all-space --ignore-space-change --ignore-blank-lines
  --ignore-space-at-eol --text --word-diff --color-words --color --no-color --minimal --patience --histogram --diff-algorithm --find-renames
  --find-copies --no-renames --diff-filter --full-index --binary --abbrev --no-index --exit-code --quiet --relative --no-prefix
  --function-context --inter-hunk-context --no-ext-diff --no-textconv --merge-base`

const log = `
  ${diff} -# -n: -L: -G: -E -F -g -m -c --oneline --graph --decorate --no-decorate --all --branches --tags --remotes --merges --no-merges
  --first-parent --author --committer --grep --since --until --after --before --max-count --skip --reverse --follow --format --pretty
  --abbrev-commit --no-abbrev-commit --date --topo-order --date-order --left-right --left-only --right-only --cherry --cherry-pick --cherry-mark
  --not --simplify-by-decoration --full-history --no-walk --walk-reflogs --source --relative-date --ancestry-path --boundary --parents
  --children --invert-grep --all-match --no-notes --pickaxe-regex`

// No option here takes the next word as its value: the first word without a dash is the remote.
const fetch = `
  -a -t -f -q -v -4 -6 --all --append --prune --prune-tags --tags --no-tags --force --quiet --verbose --depth= --deepen= --unshallow --dry-run
  --progress --no-progress --atomic --shallow-since= --shallow-exclude= --keep --no-recurse-submodules --set-upstream`

const message = ['-m', '-F', '--message', '--file', '--no-edit']

const commands: ReadonlyMap<string, GitCommand> = new Map(
  Object.entries<GitCommand>({
    add: named(`-A -u -f -n -v -N --all --update --force --dry-run --verbose --intent-to-add --ignore-errors --ignore-removal
      --no-ignore-removal --no-all --refresh --renormalize --chmod --ignore-missing`),
    blame: named('-L: -w -M: -C: -s -l -t -f -n --porcelain --line-porcelain --date --root --show-name --show-number --show-email --since'),
    branch:
      named(`-a -r -v -l -d -D -m -M -c -C -f -q -t -u: --all --remotes --verbose --list --delete --move --copy --force --quiet --track
      --no-track --set-upstream-to --unset-upstream --show-current --contains --no-contains --merged --no-merged --points-at --sort --column
      --no-column --ignore-case --abbrev --no-abbrev --color --no-color`),
    'cat-file': named('-t -s -e -p'),
    'check-ignore': named('-v -n -q -z --verbose --non-matching --quiet --no-index'),
    checkout: named(`-b: -B: -f -q -t -d -m --force --quiet --track --no-track --detach --orphan --ours --theirs --merge --guess --no-guess
      --progress --no-progress --overlay --no-overlay`),
    'cherry-pick': named(
      '-n -x -s -m: --no-commit --signoff --allow-empty --allow-empty-message --keep-redundant-commits --ff --abort --quit',
    ),
    commit: needing(
      message,
      `-a -m: -F: -q -v -s -n -o -u: --all --message --file --no-edit --amend --quiet --verbose --signoff --no-signoff --no-verify --allow-empty
      --allow-empty-message --only --include --author= --date= --reset-author --dry-run --short --porcelain --no-gpg-sign --no-status --cleanup=
      --untracked-files`,
    ),
    describe: named(
      '--tags --all --always --long --dirty --broken --abbrev --contains --candidates --exact-match --match --exclude --first-parent',
    ),
    diff: named(diff),
    fetch: { ...named(fetch), isRemote: true },
    init: named('-q -b: --quiet --bare --initial-branch --object-format'),
    log: named(log),
    'ls-files': named(`-c -d -m -o -s -u -k -z -t -v -f -x: --cached --deleted --modified --others --ignored --stage --unmerged --killed
      --exclude --exclude-standard --error-unmatch --full-name --directory --no-empty-directory --abbrev --eol --deduplicate`),
    'ls-remote': { ...named('-h -t -q --heads --branches --tags --refs --quiet --exit-code --get-url --sort= --symref'), isRemote: true },
    'ls-tree': named('-r -d -t -l -z --name-only --name-status --long --full-name --full-tree --abbrev --object-only'),
    merge: needing(
      message,
      `-m: -F: -q -v -n --message --file --no-edit --ff --no-ff --ff-only --squash --no-squash --commit --no-commit --stat --no-stat --log
      --no-log --signoff --quiet --verbose --no-verify --allow-unrelated-histories --no-gpg-sign --autostash --no-autostash`,
    ),
    mv: named('-f -k -n -v --force --dry-run --verbose'),
    'name-rev': named('--tags --all --name-only --no-undefined --always --refs --exclude'),
    pull: {
      ...needing(
        ['--ff-only', '--no-edit', '--rebase'],
        `${fetch} --rebase! --no-rebase --ff-only --ff --no-ff --no-edit --autostash --no-autostash --squash --stat`,
      ),
      isRemote: true,
    },
    push: {
      ...named(`-u -f -q -v -n -d -4 -6 --all --branches --tags --follow-tags --force --force-with-lease --force-if-includes --set-upstream
        --quiet --verbose --dry-run --delete --prune --porcelain --progress --no-progress --atomic --no-verify --no-signed --mirror`),
      isRemote: true,
    },
    reflog: named(log),
    reset: named('-q -N --quiet --soft --mixed --hard --merge --keep'),
    restore:
      named(`-s: -W -q --source --staged --worktree --quiet --ours --theirs --merge --ignore-unmerged --overlay --no-overlay --progress
      --no-progress`),
    'rev-list': named(`${log} --count --objects --header --timestamp --use-bitmap-index`),
    'rev-parse': named(`-q --short --abbrev-ref --symbolic-full-name --show-toplevel --show-prefix --show-cdup --is-inside-work-tree
      --is-bare-repository --git-dir --absolute-git-dir --git-common-dir --verify --quiet --all --branches --tags --remotes --symbolic`),
    revert: needing(['--no-edit', '-n', '--no-commit', '--abort', '--quit'], '-n -s -m: --no-edit --no-commit --signoff --abort --quit'),
    rm: named('-r -f -q -n --cached --force --dry-run --quiet --ignore-unmatch'),
    shortlog: named('-s -n -c --summary --numbered --email --group --no-merges --since --until --all'),
    show: named(log),
    'show-ref': named('-d -s -q --head --heads --branches --tags --hash --verify --dereference --abbrev --quiet --exists'),
    stash: named(
      '-u -a -k -q -m: --include-untracked --all --keep-index --no-keep-index --quiet --message --index --staged --stat --name-only',
    ),
    status: named(`-s -b -u: -z -v --short --branch --porcelain --long --untracked-files --ignored --show-stash --no-renames --ahead-behind
      --no-ahead-behind`),
    switch:
      named(`-c: -C: -d -f -t -q --create --force-create --detach --force --discard-changes --track --no-track --guess --no-guess --merge
      --orphan --quiet --progress --no-progress`),
    tag: needing(
      [...message, '-l', '--list'],
      `-m: -F: -a -f -l -n: --message --file --annotate --force --list --sort= --contains --no-contains --merged --no-merged --points-at
      --ignore-case --column --no-column --cleanup=`,
    ),
  }),
)

/** Returns true for arguments of git that a grant may cover. */
export function isPlainGit([name = '', ...args]: readonly string[]): boolean {
  const command = commands.get(name)
  // `::` names a transport, which may be a program; `%G` in a format and `signature` in an order ask the program that checks signatures.
  if (command === undefined || args.some((arg) => arg.includes('::') || /%[-+ ]?G|signature/.test(arg))) return false
  const { options, needs, isRemote = false } = command
  if (!areNamed(args, options)) return false
  const given = givenOptions(args, options)
  if (needs !== undefined && !needs.some((one) => given.has(one))) return false
  const remote = isRemote ? args.find((arg) => !arg.startsWith('-')) : undefined
  return remote === undefined || remote === 'origin'
}

function named(options: string): GitCommand {
  return { options: optionNames(options) }
}

function needing(needs: readonly string[], options: string): GitCommand {
  return { options: optionNames(options), needs }
}
