/** The variables of a command: a few that the sandbox sets, and those of the caller that cannot run code or change where programs come from. */
import { BeamClawError } from '@beamclaw/core'

/** Folders that programs are looked up in, never those of the host's own PATH. */
export const programFolders: readonly string[] = ['/usr/local/bin', '/usr/bin', '/bin', '/usr/local/sbin', '/usr/sbin', '/sbin']

const maxVariables = 256
const maxNameLength = 128
const maxValueBytes = 32 * 1024
const maxTotalBytes = 128 * 1024

// Set by the sandbox alone.
const own = ['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'PWD', 'OLDPWD', 'TMPDIR', 'TMP', 'TEMP', 'TEMPDIR']

// What shells, loaders, interpreters and tools run, load or read before the command itself is asked.
const exact = new Set([
  ...own,
  ...[
    'ENV',
    'SHELLOPTS',
    'BASHOPTS',
    'IFS',
    'PS0',
    'PS1',
    'PS2',
    'PS3',
    'PS4',
    'PROMPT_COMMAND',
    'CDPATH',
    'FPATH',
    'GLOBIGNORE',
    'EXECIGNORE',
  ],
  ...['INPUTRC', 'HISTFILE', 'POSIXLY_CORRECT', 'EDITOR', 'VISUAL', 'FCEDIT', 'PAGER', 'MANPAGER', 'BROWSER', 'DISPLAY', 'XAUTHORITY'],
  ...['GCONV_PATH', 'GETCONF_DIR', 'GLIBC_TUNABLES', 'HOSTALIASES', 'LOCALDOMAIN', 'LOCPATH', 'NIS_PATH', 'NLSPATH', 'RES_OPTIONS'],
  ...[
    'RESOLV_HOST_CONF',
    'TERMCAP',
    'TERMINFO',
    'TERMINFO_DIRS',
    'TERMPATH',
    'TZDIR',
    'MALLOC_TRACE',
    'COREPATH',
    'PKG_CONFIG',
    'PKG_CONFIG_PATH',
  ],
  ...[
    'LESSOPEN',
    'LESSCLOSE',
    'LESSKEY',
    'LESSKEYIN',
    'MAKEFLAGS',
    'MFLAGS',
    'GNUMAKEFLAGS',
    'MAKEFILES',
    'MAKESHELL',
    'CC',
    'CXX',
    'LD',
    'AR',
  ],
  ...['PHPRC', 'PHP_INI_SCAN_DIR', 'R_HOME', 'R_PROFILE', 'R_PROFILE_USER', 'R_ENVIRON', 'R_ENVIRON_USER', 'TCLLIBPATH', 'TCL_LIBRARY'],
  ...['CLASSPATH', 'JAVA_OPTS', 'JAVA_HOME', 'ANT_OPTS', 'ANT_ARGS', 'MAVEN_OPTS', 'MAVEN_ARGS', 'SBT_OPTS', 'KOTLIN_OPTS', 'SCALA_OPTS'],
  ...[
    'EMACSLOADPATH',
    'VIMINIT',
    'EXINIT',
    'MYVIMRC',
    'VIMRUNTIME',
    'NVIM_APPNAME',
    'SUDO_EDITOR',
    'TAR_OPTIONS',
    'CVS_RSH',
    'SVN_SSH',
    'AWS_CONFIG_FILE',
    'AWS_SHARED_CREDENTIALS_FILE',
  ],
  ...[
    'ELIXIR_ERL_OPTIONS',
    'AWKPATH',
    'AWKLIBPATH',
    'GREP_OPTIONS',
    'PLAN9',
    'GOFLAGS',
    'GOROOT',
    'GOTOOLDIR',
    'GOENV',
    'GOPROXY',
    'GOBIN',
  ],
  ...['OPENSSL_CONF', 'OPENSSL_CONF_INCLUDE', 'OPENSSL_MODULES', 'OPENSSL_ENGINES', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'SSLKEYLOGFILE'],
  ...[
    'CURL_CA_BUNDLE',
    'CURL_HOME',
    'REQUESTS_CA_BUNDLE',
    'WGETRC',
    'SYSTEM_WGETRC',
    'HTTP_PROXY',
    'HTTPS_PROXY',
    'ALL_PROXY',
    'FTP_PROXY',
    'NO_PROXY',
  ],
  ...[
    'KRB5_CONFIG',
    'KRB5CCNAME',
    'GNUPGHOME',
    'GPG_AGENT_INFO',
    'KUBECONFIG',
    'CONTAINER_HOST',
    'MYSQL_HOME',
    'PSQLRC',
    'PSQL_EDITOR',
    'PGPASSFILE',
  ],
  ...[
    'PGSERVICEFILE',
    'SQLITE_HISTORY',
    'NOTIFY_SOCKET',
    'LISTEN_FDS',
    'LISTEN_PID',
    'DBUS_SESSION_BUS_ADDRESS',
    'WATCHDOG_PID',
    'COMSPEC',
    'PATHEXT',
  ],
])

const prefixes = [
  ...[
    'LD_',
    'DYLD_',
    '_RLD',
    'LIBPATH',
    'SHLIB_',
    'BASH_',
    'ZDOTDIR',
    'ZSH_',
    'KSH_',
    'FISH_',
    'GIT_',
    'SSH_',
    'NPM_',
    'YARN_',
    'PNPM_',
    'COREPACK_',
  ],
  ...[
    'NODE_',
    'BUN_',
    'DENO_',
    'ELECTRON_',
    'TS_NODE_',
    'TSX_',
    'PYTHON',
    'PIP_',
    'UV_',
    'VIRTUAL_ENV',
    'CONDA_',
    'PERL',
    'RUBY',
    'GEM_',
    'BUNDLE_',
  ],
  ...[
    'LUA_',
    'PHP_',
    'JAVA_TOOL_OPTIONS',
    '_JAVA_',
    'JDK_',
    'JVM_',
    'GRADLE_',
    'CARGO_',
    'RUSTC',
    'RUSTFLAGS',
    'RUSTDOC',
    'RUSTUP_',
    'GHC',
    'GCC_',
    'COMPILER_PATH',
  ],
  ...[
    'CPATH',
    'C_INCLUDE_PATH',
    'CPLUS_INCLUDE_PATH',
    'LIBRARY_PATH',
    'ERL_',
    'ELIXIR_',
    'DOTNET_',
    'COMPLUS_',
    'CORECLR_',
    'COR_',
    'MONO_',
    'POWERSHELL_',
    'PSMODULEPATH',
  ],
  ...[
    'DOCKER_',
    'COMPOSE_',
    'BUILDKIT_',
    'XDG_',
    'GTK_',
    'QT_',
    'GIO_',
    'GST_',
    'SYSTEMD_',
    'SUDO_',
    'LC_ALL_',
    'MALLOC_',
    'ASAN_',
    'LSAN_',
    'UBSAN_',
    'BEAMCLAW_',
    'RIPGREP_',
    'RSYNC_',
    'GUILE_',
    'MAGICK_',
  ],
]

const suffixes = ['_PRELOAD', '_ASKPASS', '_EDITOR', '_PAGER', '_OPTIONS', '_RSH']

/**
 * Returns a copy of a caller's variables. Throws `command-refused` for the first that is not allowed, whatever its case: a variable that was dropped in
 * silence would let the caller believe that the command saw it.
 */
export function checkEnvironment(env: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  if (!isPlainObject(env)) throw refused('they must be an object of texts')
  const entries = Object.entries(env)
  if (entries.length > maxVariables) throw refused(`there are ${entries.length}, at most ${maxVariables} may be given`)
  let total = 0
  for (const [name, value] of entries) {
    const why = problemOf(name, value)
    if (why !== undefined) throw refused(`${JSON.stringify(name.slice(0, maxNameLength))} ${why}`)
    total += Buffer.byteLength(name) + Buffer.byteLength(value) + 2
  }
  if (total > maxTotalBytes) throw refused(`they have ${total} bytes, at most ${maxTotalBytes} may be given`)
  return Object.fromEntries(entries)
}

/** Returns true for an object that holds its values by name, as JSON does; a `Map` would look empty. */
export function isPlainObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function problemOf(name: string, value: unknown): string | undefined {
  if (name.length > maxNameLength || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return 'is not a name of letters, digits and _'
  if (name === '__proto__') return 'is not a name that can be kept'
  if (isBlocked(name)) return 'can run code, or is set by the sandbox'
  if (typeof value !== 'string') return 'is not a text'
  if (value.includes('\0')) return 'has a NUL character'
  return Buffer.byteLength(value) > maxValueBytes ? `has more than ${maxValueBytes} bytes` : undefined
}

/** Returns true for a name that callers may not set. */
function isBlocked(name: string): boolean {
  const folded = name.toUpperCase()
  return exact.has(folded) || prefixes.some((prefix) => folded.startsWith(prefix)) || suffixes.some((suffix) => folded.endsWith(suffix))
}

function refused(why: string): BeamClawError {
  return new BeamClawError('command-refused', `The variables of the command are refused: ${why}. Leave out what is not needed.`, {
    details: { why },
  })
}

/** Returns all variables of a command: the base, then those of the caller. Nothing of the host's own environment is among them. */
export function environmentOf(
  home: string,
  temporary: string,
  hasTerminal: boolean,
  env: Readonly<Record<string, string>>,
): Record<string, string> {
  return {
    PATH: programFolders.join(':'),
    HOME: home,
    LANG: 'C.UTF-8',
    TERM: hasTerminal ? 'xterm-256color' : 'dumb',
    TMPDIR: temporary,
    // Debian's bash reads ~/.bashrc when its input is a socket and it is not below another shell.
    SHLVL: '1',
    // The home is the workspace: a file `.gitconfig` that a repository has at its top would be the user's own, and names programs.
    GIT_CONFIG_GLOBAL: '/dev/null',
    ...env,
  }
}
